#!/usr/bin/env bash
# Makes a release twice from the same commit, in two directories and with two homes of cargo, and compares all files.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d "${TMPDIR:-/var/tmp}/release.XXXXXX")
trap 'rm -rf "$work"' EXIT
home=$(realpath "${CARGO_HOME:-$HOME/.cargo}")
for side in one another/place; do
  mkdir -p "$work/$side" "$work/home/$side"
  git clone --quiet . "$work/$side/source"
  # What was downloaded is the same; where it lies is not.
  for what in registry bin config.toml; do
    [ ! -e "$home/$what" ] || cp -r --reflink=auto "$home/$what" "$work/home/$side/$what"
  done
  mkdir -p "$work/$side/source/target"
  ln -s "$(pwd -P)/target/tools" "$work/$side/source/target/tools"
  (cd "$work/$side/source" && CARGO_HOME=$work/home/$side release/make.sh "$work/$side/dist")
  # Room for the other one.
  rm -rf "$work/$side/source/target/release-programs"
done
diff "$work/one/dist/SHA256SUMS" "$work/another/place/dist/SHA256SUMS"
cat "$work/one/dist/SHA256SUMS"
echo "reproducible: $(wc -l < "$work/one/dist/SHA256SUMS") files are the same bytes"
