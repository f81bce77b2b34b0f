#!/usr/bin/env bash
# Checks the files of a release: release/check.sh DIR. Says what is wrong, and exits with 1 then.
set -uo pipefail
cd "$(dirname "$0")/.."
dist=$(realpath "$1")
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
tools=target/tools
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

holds() {
  local what=$1
  shift
  if "$@" > "$work/out" 2>&1; then passed=$((passed + 1)); else
    failed=$((failed + 1))
    echo "wrong: $what"
    sed 's/^/  /' "$work/out" | head -n 20
  fi
}

fails() { ! "$@"; }

holds "the checksums" sh -c "cd '$dist' && sha256sum --check --quiet SHA256SUMS"
holds "each file has a checksum" sh -c "cd '$dist' && test \$(find . -type f ! -name SHA256SUMS | wc -l) -eq \$(wc -l < SHA256SUMS)"
for architecture in amd64 arm64; do
  dir=$work/$architecture
  mkdir -p "$dir"
  holds "the archive for $architecture" tar --extract --gzip --file "$dist/buildkit-preflight_${version}_linux_$architecture.tar.gz" --directory "$dir"
  program=$dir/buildkit-preflight
  holds "$architecture: it is static" sh -c "file -b '$program' | grep -q 'statically linked'"
  run=
  [ "$architecture" = arm64 ] && [ "$(uname -m)" != aarch64 ] && run=qemu-aarch64-static
  holds "$architecture: it runs" sh -c "$run '$program' --version | grep -qx 'buildkit-preflight $version'"
  # Exit code 1 or 3 is a verdict on this machine.
  holds "$architecture: it judges without a probe" sh -c "$run '$program' check --no-probe --state-dir /tmp; test \$? -ne 2 -a \$? -lt 4"
  holds "$architecture: licences" test -s "$dir/LICENSE" -a -s "$dir/THIRD-PARTY"
  for page in "$dir"/man/*.1; do
    holds "$architecture: $(basename "$page")" mandoc -T lint -W error "$page"
  done
done
holds "krew's manifest" "$tools/validate-krew-manifest" -manifest "$dist/buildkit-preflight.yaml" -skip-install
holds "the list of parts" jq -e '.bomFormat == "CycloneDX" and (.components | length > 100)' "$dist/buildkit-preflight_${version}.cdx.json"

# Nothing tells where it was made.
image=$work/image
mkdir -p "$image"
holds "the image" tar --extract --file "$dist/buildkit-preflight_${version}_image.oci.tar" --directory "$image"
index=$(jq -r '.manifests[0].digest' "$image/index.json" | tr : /)
holds "the image's digest" grep -qx "$(jq -r '.manifests[0].digest' "$image/index.json")" "$dist/image-digest.txt"
holds "the image is for both architectures" jq -e '[.manifests[].platform.architecture] == ["amd64", "arm64"]' "$image/blobs/$index"
for manifest in $(jq -r '.manifests[].digest' "$image/blobs/$index" | tr : /); do
  architecture=$(jq -r .architecture "$image/blobs/$(jq -r .config.digest "$image/blobs/$manifest" | tr : /)")
  root=$work/root-$architecture
  mkdir -p "$root"
  for layer in $(jq -r '.layers[].digest' "$image/blobs/$manifest" | tr : /); do
    tar --extract --gzip --xattrs --xattrs-include=security.capability --file "$image/blobs/$layer" --directory "$root"
  done
  holds "$architecture: the image's program" test "$root/usr/bin/buildkit-preflight" -ef "$root/usr/bin/rootlesskit"
  holds "$architecture: nothing is setuid" sh -c "test -z \"\$(find '$root' -perm /6000)\""
  if [ "$(id -u)" = 0 ]; then
    holds "$architecture: capabilities" sh -c "getcap '$root/usr/bin/newuidmap' | grep -q 'cap_setuid=ep' && getcap '$root/usr/bin/newgidmap' | grep -q 'cap_setgid=ep'"
    if [ "$architecture" = amd64 ] && [ "$(uname -m)" = x86_64 ]; then
      # Its usage, so all of its libraries are there.
      holds "amd64: the helper loads" sh -c "chroot '$root' /usr/bin/newuidmap 2>&1 | grep -qi usage"
      holds "amd64: the image's program runs" sh -c "chroot --userspec=1000:1000 '$root' /usr/bin/buildkit-preflight --version | grep -q '$version'"
    fi
  fi
done
here="${CARGO_HOME:-$HOME/.cargo}|$(pwd -P)|$(rustc --print sysroot)"
holds "no path of this machine is in any file" fails grep -rqaE "$here" "$dist" "$work/amd64" "$work/arm64" "$work"/root-*

echo "release: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
