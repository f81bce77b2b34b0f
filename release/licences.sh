#!/usr/bin/env bash
# Prints which crates are in the programs, under which licences, and the texts of these licences.
set -euo pipefail
cd "$(dirname "$0")/.."
export LC_ALL=C
metadata=$(mktemp)
trap 'rm -f "$metadata"' EXIT
cargo metadata --locked --format-version 1 --filter-platform x86_64-unknown-linux-gnu --features cli > "$metadata"

# What is linked: normal dependencies, from our own package on. A crate for tests, or for the build, is not in the program.
crates() {
  jq -r '
    . as $all
    | (reduce .resolve.nodes[] as $node ({}; .[$node.id] = [$node.deps[] | select(any(.dep_kinds[]; .kind == null)) | .pkg])) as $edges
    | def reach($seen; $open):
        if ($open | length) == 0 then $seen
        else ([$open[] | $edges[.][]] | unique | map(select(. as $id | $seen | index($id) | not))) as $next
          | reach($seen + $next; $next) end;
      reach([.resolve.root]; [.resolve.root]) as $linked
    | .packages[] | select(.id != $all.resolve.root and (.id as $id | $linked | index($id)))
    | [.name, .version, (.license // "-"), (.manifest_path | rtrimstr("/Cargo.toml"))] | @tsv' "$metadata" | sort
}

echo "What others wrote and is part of buildkit-preflight."
echo
crates | while IFS=$'\t' read -r name version licence _; do
  echo "$name $version: $licence"
done
crates | while IFS=$'\t' read -r name version _ dir; do
  find "$dir" -maxdepth 1 -type f \( -iname 'licen[sc]e*' -o -iname 'copying*' -o -iname 'notice*' -o -iname 'copyright*' \) | sort |
    while read -r file; do
      printf '\n%s\n%s %s: %s\n\n' "$(printf '=%.0s' {1..80})" "$name" "$version" "$(basename "$file")"
      cat "$file"
    done
done
