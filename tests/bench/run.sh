#!/bin/bash
# Every benchmark of the library beside its rivals, and the tables of what it printed in the documents.
#
#   tests/bench/run.sh [GROUP...]      groups: lifecycle ownership pool simopen; all of them without, a quarter of an hour
#
# What criterion measured is kept in tests/bench/measured.json, from which the tables are made. Needs jq.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."

declare -A commands=(
    [lifecycle]="-p conformance --bench lifecycle"
    [ownership]="-p conformance --bench ownership"
    [pool]="-p tests --bench product -- pool/"
    [simopen]="-p tests --bench product -- simopen/"
)
[ $# -gt 0 ] || set -- lifecycle ownership pool simopen
command -v jq >/dev/null || { echo "it needs jq (apt-get install jq)"; exit 1; }

measured=tests/bench/measured.json
target=${CARGO_TARGET_DIR:-target}
machine="$(nproc) x $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1)"
commit="$(git rev-parse --short HEAD)$(git diff --quiet HEAD -- '*.rs' || echo ', changed')"

# What was measured after this file was made, in that order: the median of each time, in nanoseconds.
estimates() {
    find "$target/criterion" -path '*/new/benchmark.json' -newer "$1" -printf '%T@ %h\n' | sort -n | while read -r _ at; do
        jq -n --slurpfile what "$at/benchmark.json" --slurpfile times "$at/estimates.json" \
            '$what[0] | {group: .group_id, name: (.function_id // .value_str),
                variant: (if .function_id then .value_str else null end), ns: $times[0].median.point_estimate}'
    done | jq -s .
}

begin=$(mktemp)
trap 'rm -f "$begin"' EXIT
for group; do
    [ -n "${commands[$group]:-}" ] || { echo "no group: $group"; exit 2; }
    read -ra command <<<"${commands[$group]}"
    # Built before, so that no compiler is among the load.
    cargo bench "${command[@]:0:4}" --no-run
    load=$(cut -d' ' -f1 /proc/loadavg)
    touch "$begin"
    cargo bench "${command[@]}"
    times=$(estimates "$begin")
    jq --sort-keys --arg group "$group" --arg machine "$machine" --arg commit "$commit" --arg load "$load" \
        --arg command "cargo bench ${commands[$group]}" --arg day "$(date +%F)" --argjson times "$times" \
        '.[$group] = {$command, $commit, $day, $load, $machine, $times}' "$measured" >"$begin"
    cp "$begin" "$measured"
done
WRITE_DOCUMENTS=1 cargo test --quiet -p tests --test all repository::measured
