#!/usr/bin/env bash
# Writes the list of what the programs are made from, as CycloneDX: release/sbom.sh FILE. Needs cargo-cyclonedx.
set -euo pipefail
out=$(realpath -m "$1")
cd "$(dirname "$0")/.."
name=buildkit-preflight-sbom
trap 'rm -f "$name.json"' EXIT
cargo cyclonedx --quiet --format json --spec-version 1.5 --features cli --target x86_64-unknown-linux-gnu \
  --override-filename "$name" --no-build-deps
# A serial number is drawn anew each time, and paths are this machine's: neither belongs in a file that is the same for all.
root="path+file://$(pwd -P)"
jq --sort-keys --arg root "$root" --arg time "$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)" '
  del(.serialNumber) | .metadata.timestamp = $time
  | walk(if type == "string" then gsub($root; "path+file:///src") else . end)' "$name.json" > "$out"
