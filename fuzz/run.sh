#!/bin/sh
# Runs every fuzz target for some seconds, one after the other: `fuzz/run.sh 120`, from the repository's root.
# What a target finds is in fuzz/artifacts/TARGET; its last lines are printed.
set -u
seconds=${1:-60}
shift $(($# > 0))
for target in ${*:-$(cd fuzz/fuzz_targets && ls | sed 's/\.rs$//')}; do
    mkdir -p "fuzz/corpus/$target"
    echo "== $target"
    RUSTC_BOOTSTRAP=1 cargo fuzz run --release "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=10 -rss_limit_mb=2048 -malloc_limit_mb=256 \
        -print_final_stats=1 2>&1 | grep -E '^(Done|stat::number_of_exec|stat::average|stat::peak|SUMMARY|==[0-9]+==|artifact|thread)|panicked|ERROR'
done
