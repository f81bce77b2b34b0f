//! `RUN --mount`.

use super::row::{Behaviour, Group, Lines, Need, Offers, Tried};

pub(super) const ROWS: &[Behaviour] = &[
    row(
        "mount-cache",
        "keep files in a cache mount from step to step",
        "RUN --mount=type=cache,target=/var/cache/app echo package > /var/cache/app/package\n\
         RUN --mount=type=cache,target=/var/cache/app,sharing=locked mkdir /kept && cp /var/cache/app/package /kept/",
        "grep -q package /stages/mount-cache/package",
    ),
    row(
        "mount-bind",
        "mount files of the context",
        "RUN --mount=type=bind,source=files,target=/src mkdir /kept && cp /src/hello /kept/",
        "test -s /stages/mount-bind/hello",
    ),
    Behaviour {
        offers: Offers::none("It depends on the snapshotter: runc can't make the mount of fuse-overlayfs that BuildKit asks for."),
        tried: Tried::Nowhere,
        ..row(
            "mount-layers",
            "mount the context writable, or a stage of several layers",
            "RUN --mount=type=bind,source=files,target=/src,rw --mount=type=bind,from=base,target=/base touch /src/new",
            "",
        )
    },
    row(
        "mount-tmpfs",
        "mount a tmpfs in a step",
        "RUN --mount=type=tmpfs,target=/build mkdir /kept && echo x > /build/x && cp /build/x /kept/",
        "test -s /stages/mount-tmpfs/x",
    ),
    row(
        "mount-secret",
        "read a secret of the client as a file and as a variable",
        "RUN --mount=type=secret,id=token,required=true --mount=type=secret,id=token,env=TOKEN \\\n\
         \x20 mkdir /kept && grep -q hello /run/secrets/token && test -n \"$TOKEN\" && touch /kept/read",
        "test -e /stages/mount-secret/read",
    ),
    Behaviour {
        tried: Tried::LongBuilds,
        ..row(
            "mount-ssh",
            "use the client's SSH agent",
            "RUN --mount=type=ssh,required=true mkdir /kept && test -S \"$SSH_AUTH_SOCK\" && touch /kept/agent",
            "test -e /stages/mount-ssh/agent",
        )
    },
];

const fn row(id: &'static str, title: &'static str, stage: &'static str, after: &'static str) -> Behaviour {
    let (lines, needs) = (Lines::stage(stage, after), &[Need::Namespaces]);
    Behaviour { id, title, group: Group::Mounts, lines, needs, offers: Offers::ALL, tried: Tried::TrialAndLongBuilds }
}
