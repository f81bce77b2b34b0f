#!/usr/bin/env bash
# Builds the static programs of a release, the same bytes in any directory and for anybody:
#
#   release/programs.sh OUT [ARCH...]
#
# OUT/ARCH/cli and OUT/ARCH/node are the program for people and the one for nodes. ARCH is amd64 or arm64, both by default.
# QUICK=1 leaves optimisation out: other bytes, for tries of what comes after.
set -euo pipefail
cd "$(dirname "$0")/.."
out=$1
shift
architectures=${*:-amd64 arm64}
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC CARGO_INCREMENTAL=0
unset RUSTC_WRAPPER CARGO_ENCODED_RUSTFLAGS CFLAGS CXXFLAGS CPPFLAGS LDFLAGS
umask 022

if [ -n "${QUICK:-}" ]; then
  export CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
fi

# Where this machine keeps things must not be seen: messages of panics name source files, of C code too.
home=${CARGO_HOME:-$HOME/.cargo}
sysroot=$(rustc --print sysroot)
source=$(pwd -P)
remapped="--remap-path-prefix=$sysroot=/rust --remap-path-prefix=$home=/cargo --remap-path-prefix=$source=/src"
target_dir=${CARGO_TARGET_DIR:-$source/target}/release-programs
c_flags="-ffile-prefix-map=$sysroot=/rust -ffile-prefix-map=$home=/cargo -ffile-prefix-map=$source=/src -ffile-prefix-map=$target_dir=/target"

# As the Makefile's STATIC: no relocations to process at each start.
export RUSTFLAGS="-C target-feature=+crt-static -C relocation-model=static $remapped"
export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc CC_aarch64_unknown_linux_gnu=aarch64-linux-gnu-gcc
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_LINKER=x86_64-linux-gnu-gcc CC_x86_64_unknown_linux_gnu=x86_64-linux-gnu-gcc
export CFLAGS_aarch64_unknown_linux_gnu=$c_flags CFLAGS_x86_64_unknown_linux_gnu=$c_flags

for architecture in $architectures; do
  case $architecture in
    amd64) target=x86_64-unknown-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu ;;
    *) echo "$architecture: an architecture is amd64 or arm64" >&2; exit 2 ;;
  esac
  mkdir -p "$out/$architecture"
  for program in cli node; do
    cargo build --locked --quiet --release --target "$target" --target-dir "$target_dir/$program" --no-default-features --features "$program"
    install -m 755 "$target_dir/$program/$target/release/buildkit-preflight" "$out/$architecture/$program"
  done
done
