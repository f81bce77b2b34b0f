#!/bin/bash
# Runs the targets of cargo-fuzz, each for TIME seconds: those whose names are given, or all. Ends with one line; exit code 1 where one
# crashed, with the input in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "$0")/.."
time=${TIME:-60}

rustup toolchain list | grep -q '^nightly' || rustup toolchain install nightly --profile minimal
command -v cargo-fuzz > /dev/null || cargo install --locked cargo-fuzz
# What is fuzzed is safe Rust: a sanitizer would only make it slow.
fuzz=(cargo +nightly fuzz)
"${fuzz[@]}" build --sanitizer none

targets=("$@")
[ ${#targets[@]} -gt 0 ] || mapfile -t targets < <("${fuzz[@]}" list)
runs=0 crashes=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for target in "${targets[@]}"; do
    mkdir -p "fuzz/corpus/$target"
    code=0
    "${fuzz[@]}" run --sanitizer none "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$time" -max_len=65536 -timeout=20 -rss_limit_mb=1024 -print_final_stats=1 > "$log" 2>&1 || code=$?
    done=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -1)
    runs=$((runs + ${done:-0}))
    if [ "$code" -ne 0 ]; then
        crashes=$((crashes + 1))
        grep -E 'panicked|^assertion| left:| right:|ERROR: libFuzzer|Test unit written|SUMMARY' -A 1 "$log" | head -20
        [ -n "$done" ] || tail -5 "$log"
    fi
    echo "$target: ${done:-0} runs, exit code $code"
done
echo "fuzz: ${#targets[@]} targets, $runs runs, $crashes crashes"
[ "$crashes" -eq 0 ]
