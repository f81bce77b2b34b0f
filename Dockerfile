# syntax-free on purpose: it builds where no frontend can be pulled.
#
#   docker buildx build -t REGISTRY/buildkit-preflight:0.1.0 --push .
#
# `build` and `base` can each be given from outside, where base images can't be pulled:
#   --build-context build=DIR   a directory with the program, buildkit-preflight
#   --build-context base=IMAGE  docker-image:// or oci-layout://, with newuidmap, newgidmap, setcap, ln and a shell

FROM rust:1.95-alpine AS build
RUN apk add --no-cache musl-dev
WORKDIR /src
COPY . .
# What a node needs, and no more. Without relocations to process at each start, a probe costs a sixth less CPU. (--target: so that these flags do not
# reach what runs while it is built.)
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    target=$(rustc -vV | sed -n 's/^host: //p') \
    && RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" cargo build --locked --release --target "$target" \
        --no-default-features --features node \
    && cp "target/$target/release/buildkit-preflight" /buildkit-preflight

FROM alpine:3.22 AS base
RUN apk add --no-cache shadow-uidmap libcap-setcap

FROM base
COPY --from=build /buildkit-preflight /usr/bin/buildkit-preflight
# The user, the range and the places are those of moby/buildkit:rootless. A layer that is copied from a local directory
# loses file capabilities, so they are set here; no file of this image is setuid. AppArmor goes by the path of the
# executable, so the probe is started as /usr/bin/rootlesskit, as a builder is.
RUN printf 'root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n' > /etc/passwd \
    && printf 'root:x:0:\nuser:x:1000:\n' > /etc/group \
    && echo user:100000:65536 > /etc/subuid \
    && echo user:100000:65536 > /etc/subgid \
    && mkdir -p /home/user/.local/share/buildkit \
    && chown -R 1000:1000 /home/user \
    && chmod 755 /usr/bin/buildkit-preflight \
    && ln -f /usr/bin/buildkit-preflight /usr/bin/rootlesskit \
    && chmod u-s /usr/bin/newuidmap /usr/bin/newgidmap \
    && setcap cap_setuid=ep /usr/bin/newuidmap \
    && setcap cap_setgid=ep /usr/bin/newgidmap
ENV PATH=/usr/bin:/bin HOME=/home/user USER=user
USER 1000:1000
ENTRYPOINT ["/usr/bin/buildkit-preflight"]
CMD ["agent"]
