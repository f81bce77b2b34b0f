#!/usr/bin/env bash
# Makes all files of a release, the same bytes each time:
#
#   release/make.sh OUT
#
# PROGRAMS=DIR takes ARCH/cli and ARCH/node from there instead of building them. REPOSITORY is where the release will be.
set -euo pipefail
cd "$(dirname "$0")/.."
: "${REPOSITORY:=https://github.com/buildkit-preflight/buildkit-preflight}"
: "${SOURCE_DATE_EPOCH:=$(git log -1 --format=%ct)}"
export SOURCE_DATE_EPOCH LC_ALL=C TZ=UTC
umask 022
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
revision=$(git rev-parse HEAD)
out=$(realpath -m "$1")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rm -rf "$out"
mkdir -p "$out"

programs=${PROGRAMS:-$work/programs}
[ -n "${PROGRAMS:-}" ] || release/programs.sh "$programs"

# An archive whose bytes depend on nothing but its files.
archive() {
  tar --create --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner --directory "$2" . |
    gzip -9 --no-name > "$1"
}

release/licences.sh > "$work/THIRD-PARTY"
for architecture in amd64 arm64; do
  dir=$work/$architecture
  mkdir -p "$dir/man" "$dir/completions"
  install -m 755 "$programs/$architecture/cli" "$dir/buildkit-preflight"
  install -m 644 LICENSE "$work/THIRD-PARTY" "$dir/"
  # What this machine's program says, the other's would.
  "$programs/amd64/cli" man "$dir/man"
  "$programs/amd64/cli" completion bash > "$dir/completions/buildkit-preflight.bash"
  "$programs/amd64/cli" completion zsh > "$dir/completions/_buildkit-preflight"
  "$programs/amd64/cli" completion fish > "$dir/completions/buildkit-preflight.fish"
  archive "$out/buildkit-preflight_${version}_linux_$architecture.tar.gz" "$dir"
done

release/krew.sh "$version" "$REPOSITORY" "$out" > "$out/buildkit-preflight.yaml"

release/base.sh target/release-base
(cd release/image && CGO_ENABLED=0 go build -trimpath -o "$work/image" .)
"$work/image" -out "$work/layout" -programs "$programs" -base target/release-base -version "$version" -revision "$revision" \
  -epoch "$SOURCE_DATE_EPOCH" > "$out/image-digest.txt"
tar --create --sort=name --format=ustar --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
  --file "$out/buildkit-preflight_${version}_image.oci.tar" --directory "$work/layout" .

# The charts, where the Makefile knows how to package them.
if grep -q '^charts-package:' Makefile; then
  make --no-print-directory charts-package CHARTS_OUT="$out"
fi

release/sbom.sh "$out/buildkit-preflight_${version}.cdx.json"

(cd "$out" && find . -type f ! -name SHA256SUMS -printf '%P\n' | sort | xargs sha256sum > SHA256SUMS)
