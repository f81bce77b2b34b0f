# The same targets for people and CI. Each installs what it needs; only Rust, Go and make are taken for granted.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: check test fmt clippy doc unit machine containers schema bench tools packages static help

HOST   := $(shell rustc -vV | sed -n 's/^host: //p')
BINARY := target/$(HOST)/release/buildkit-preflight
TOOLS  := target/tools
export STATIC_BINARY := $(BINARY)

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

check: static ## can rootless BuildKit run on this machine, and if not, why (ARGS="--profile procmount")
	@$(BINARY) check $(ARGS)

test: fmt clippy doc unit machine containers ## all that CI runs

fmt:
	cargo fmt --check

clippy:
	cargo clippy --locked --all-targets --all-features --quiet -- --deny warnings

doc:
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --no-deps --quiet

unit: ## tests that need neither root nor tools: pure code, the command line, captured hosts
	cargo test --locked --no-fail-fast

machine: packages ## `check` on this machine as several users, on bad disks, with helpers that hang; needs root
	cargo test --locked --no-fail-fast --features root --test machine

containers: static tools ## `check` beside real builds in containers made by runc; needs root
	cargo test --locked --no-fail-fast --features root --test containers

schema: ## writes schema/report.json anew from the types
	UPDATE=1 cargo test --locked --quiet --test schema

bench: static tools ## what `check` costs beside `rootlesskit true`; needs root
	cargo bench --locked --quiet --bench cost

# A static binary runs in any image and on any node. Without relocations to process at each start, and to copy at
# each fork, a check takes a sixth less CPU.
static:
	RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" cargo build --locked --quiet --release --target $(HOST)

# What a build needs beside ours, each from a Go module of its own with pinned versions.
tools: packages
	@mkdir -p $(TOOLS)
	cd tests/tools/runc && CGO_ENABLED=1 go build -tags seccomp -ldflags="-s -w" -o $(CURDIR)/$(TOOLS)/ github.com/opencontainers/runc
	cd tests/tools/profiles && CGO_ENABLED=1 go build -tags seccomp -ldflags="-s -w" -o $(CURDIR)/$(TOOLS)/ .
	cd tests/tools/rootlesskit && CGO_ENABLED=0 go build -ldflags="-s -w" -o $(CURDIR)/$(TOOLS)/ github.com/rootless-containers/rootlesskit/v3/cmd/rootlesskit
	cd tests/tools/buildkit && CGO_ENABLED=0 go build -ldflags="-s -w" -o $(CURDIR)/$(TOOLS)/ github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl

PACKAGES := uidmap fuse-overlayfs fuse3 libseccomp-dev pkg-config busybox-static libcap2-bin strace
packages:
	@dpkg -s $(PACKAGES) > /dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(PACKAGES); } > /dev/null
