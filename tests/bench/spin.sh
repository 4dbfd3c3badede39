#!/bin/bash
# handfast's explorer and Spin on the same protocol, descriptor ownership, at the same granularity: transitions per
# second and bytes per state of both, in one run.
#
#   tests/bench/spin.sh
#
# Set EXPLORER to the benchmark `explorer` of the package `model`, if it is built already.
#
# Each instance must have as many states and transitions in `ownership.pml` as in the model, or the script fails; Spin
# counts the initial state as a transition too. Both search on one core, and rates are of processor time, so that it
# matters less what else runs. With -DCOLLAPSE Spin keeps states in parts, as handfast does. Spin searches depth first,
# because its breadth-first search knows no variables outside of the state. `model/benches/README.md` has the figures.
set -euo pipefail
export LC_ALL=C
cd "$(dirname "$0")/../.."

for program in spin gcc; do
    if ! command -v "$program" >/dev/null; then
        echo "skipped: there is no $program (apt-get install spin gcc)"
        [ -z "${HANDFAST_REQUIRE_ALL:-}" ]
        exit
    fi
done

pml=$PWD/tests/bench/ownership.pml
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
if [ -z "${EXPLORER:-}" ]; then
    cargo bench --quiet -p model --bench explorer -- --ownership >"$dir/ours"
else
    "$EXPLORER" --ownership >"$dir/ours"
fi

# What the instances of model/src/ownership/handfast/bounds.rs are in Promela: threads, numbers, which descriptors are
# shared as bits, how many there are, openers, the first deleter, takeovers, arrivals.
instances="
default/reuse        3 1 0 2 2 0 2 2
default/shared       3 1 1 2 2 0 1 2
default/two-numbers  2 2 4 3 1 1 1 1
large/reuse          4 1 0 2 2 0 2 2
large/shared         4 1 1 2 2 0 1 2
large/two-numbers    3 2 4 3 2 1 1 1"

# A line of the table, from transitions, seconds, states and bytes.
row() {
    awk -v instance="$1" -v engine="$2" -v edges="$3" -v seconds="$4" -v states="$5" -v bytes="$6" 'BEGIN {
        rate = seconds > 0.05 ? sprintf("%.2f", edges / seconds / 1e6) : "-"
        printf "%-20s %-16s %10d %11d %9s %8.1f\n", instance, engine, states, edges, rate, bytes / states }'
}

# Spin's verifier, built with some options.
spin_of() {
    local instance=$1 engine=$2 states=$3 edges=$4 out
    shift 4
    (cd "$dir" && gcc -O2 -DSAFETY -DNOREDUCE -DMEMLIM=16384 "$@" -o pan pan.c)
    # The table has a place for each state, as far as that is a power of two.
    local bits
    bits=$(awk -v states="$states" 'BEGIN { bits = 10; while (2 ^ bits < states) bits++; print bits }')
    TIMEFORMAT='%U %S'
    { time out=$(cd "$dir" && ./pan -w"$bits" -m100000); } 2>"$dir/time"
    grep -q 'errors: 0' <<<"$out" || { echo "Spin finds errors in $instance:"; echo "$out"; exit 1; }
    local found taken seconds megabytes
    found=$(awk '/ states, stored/ { print $1 }' <<<"$out")
    taken=$(awk '/ transitions \(= stored/ { print $1 - 1 }' <<<"$out")
    if [ "$found" != "$states" ] || [ "$taken" != "$edges" ]; then
        echo "$instance: Spin finds $found states and $taken transitions, handfast $states and $edges"
        exit 1
    fi
    seconds=$(awk '{ print $1 + $2 }' "$dir/time")
    # Without the stack of the search, whose room is given beforehand.
    megabytes=$(awk '/memory usage for states/ && (/actual/ || !seen) { sum = $1; seen = 1 }
                     /memory used for hash table/ { table = $1 } END { print sum + table }' <<<"$out")
    row "$instance" "$engine" "$taken" "$seconds" "$found" "$(awk -v m="$megabytes" 'BEGIN { print m * 1048576 }')"
}

spin -V
echo "millions of transitions a second, bytes a state"
printf '%-20s %-16s %10s %11s %9s %8s\n' instance engine states transitions rate bytes
while read -r instance threads numbers shared incarnations openers deleters takeovers arrivals; do
    [ -n "$instance" ] || continue
    read -r _ states edges seconds bytes < <(grep "^$instance " "$dir/ours")
    row "$instance" "handfast" "$edges" "$seconds" "$states" "$bytes"
    # -o2: variables that are only written are the history, and are part of the state.
    (cd "$dir" && spin -o2 -a -DTHREADS="$threads" -DNUMBERS="$numbers" -DSHARED="$shared" \
        -DINCARNATIONS="$incarnations" -DOPENERS="$openers" -DDELETERS="$deleters" -DTAKEOVERS="$takeovers" \
        -DARRIVALS="$arrivals" "$pml")
    spin_of "$instance" "Spin" "$states" "$edges"
    spin_of "$instance" "Spin, collapse" "$states" "$edges" -DCOLLAPSE
done <<<"$instances"
