#!/usr/bin/env bash
# Fetches the packages of Debian that the image is made from, exactly those of release/base.lock, for both architectures:
#
#   release/base.sh OUT           OUT/ARCH/*.deb
#   release/base.sh --lock        writes release/base.lock anew, from what Debian has today
set -euo pipefail
cd "$(dirname "$0")/.."
lock=release/base.lock
# newuidmap and newgidmap, and the libraries that they are linked against.
packages="uidmap libc6 libsubid4 libselinux1 libpcre2-8-0 libaudit1 libcap-ng0"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# apt for another architecture, which leaves the machine's own lists and packages alone.
apt() {
  local architecture=$1
  shift
  mkdir -p "$work/$architecture/lists/partial" "$work/$architecture/archives/partial"
  : > "$work/$architecture/status"
  apt-get -qq -o APT::Architecture="$architecture" -o APT::Architectures::="$architecture" -o APT::Sandbox::User=root \
    -o Dir::State::lists="$work/$architecture/lists" -o Dir::State::status="$work/$architecture/status" \
    -o Dir::Cache::archives="$work/$architecture/archives" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= "$@"
}

if [ "${1:-}" = --lock ]; then
  for architecture in amd64 arm64; do
    apt "$architecture" update
    for package in $packages; do
      (cd "$work/$architecture" && apt "$architecture" download "$package")
      deb=$(echo "$work/$architecture/${package}"_*.deb)
      echo "$architecture $package $(dpkg-deb -f "$deb" Version) $(sha256sum "$deb" | cut -d' ' -f1)"
    done
  done > "$work/lock"
  mv "$work/lock" "$lock"
  exit
fi

out=$(realpath -m "$1")
for architecture in amd64 arm64; do
  mkdir -p "$out/$architecture"
  while read -r of package version sum; do
    [ "$of" = "$architecture" ] || continue
    deb=$out/$architecture/$package.deb
    if ! echo "$sum  $deb" | sha256sum --check --status 2> /dev/null; then
      [ -d "$work/$architecture" ] || apt "$architecture" update
      (cd "$work/$architecture" && apt "$architecture" download "$package=$version") ||
        { echo "Debian has no $package $version any more: release/base.sh --lock takes what it has" >&2; exit 1; }
      mv "$work/$architecture/${package}"_*.deb "$deb"
      echo "$sum  $deb" | sha256sum --check --quiet
    fi
  done < "$lock"
done
