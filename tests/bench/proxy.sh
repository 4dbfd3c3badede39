#!/bin/bash
# The example proxy and Debian's HAProxy in front of the same backend, asked by the same client: requests per second,
# and the time of processors that a request costs the proxy (/proc/PID/stat, user and system).
#
#   tests/bench/proxy.sh [SECONDS [ROUNDS]]
#
# The backend is another HAProxy, which answers by itself with 1 KiB. The two proxies take turns; each figure is the
# sum over the rounds. Set PROXY to measure a program of your own with the example's options.
set -euo pipefail
export LC_ALL=C

seconds=${1:-5} rounds=${2:-3} threads=2
cd "$(dirname "$0")/../.."

for program in haproxy wrk; do
    if ! PATH=$PATH:/usr/sbin command -v "$program" >/dev/null; then
        echo "skipped: there is no $program (apt-get install haproxy wrk)"
        [ -z "${HANDFAST_REQUIRE_ALL:-}" ]
        exit
    fi
done
PATH=$PATH:/usr/sbin
if [ ! -r /proc/self/stat ]; then
    echo "skipped: there is no /proc to read the time of processors from"
    [ -z "${HANDFAST_REQUIRE_ALL:-}" ]
    exit
fi

if [ -z "${PROXY:-}" ]; then
    cargo build --quiet --release -p handfast --example reuse_proxy
    PROXY=${CARGO_TARGET_DIR:-target}/release/examples/reuse_proxy
fi

dir=$(mktemp -d)
pids=()
finish() {
    [ "${#pids[@]}" -eq 0 ] || kill "${pids[@]}" 2>/dev/null || true
    wait
    rm -rf "$dir"
}
trap finish EXIT

head -c 1024 /dev/zero | tr '\0' x >"$dir/body"
common="defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    timeout http-keep-alive 30s"
cat >"$dir/backend.cfg" <<END
global
    nbthread 1
    maxconn 4096
$common
frontend backend
    bind 127.0.0.1:18381
    http-request return status 200 content-type text/plain file "$dir/body"
END
cat >"$dir/haproxy.cfg" <<END
global
    nbthread $threads
    maxconn 4096
$common
frontend proxy
    bind 127.0.0.1:18382
    default_backend servers
backend servers
    http-reuse safe
    server one 127.0.0.1:18381
END

haproxy -db -f "$dir/backend.cfg" >"$dir/backend.log" 2>&1 &
pids+=($!)
haproxy -db -f "$dir/haproxy.cfg" >"$dir/haproxy.log" 2>&1 &
pids+=($!)
rival=$!
"$PROXY" --listen 127.0.0.1:18383 --backend 127.0.0.1:18381 --workers "$threads" >"$dir/ours.log" 2>&1 &
pids+=($!)
ours=$!

# Until a port accepts, for ten seconds at most.
wait_for() {
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    cat "$dir"/*.log
    echo "nobody listens on port $1"
    exit 1
}
wait_for 18381
wait_for 18382
wait_for 18383

# What a process has used, in ticks. Its name, in parentheses, may hold blanks.
ticks() {
    local stat
    stat=$(<"/proc/$1/stat")
    set -- ${stat##*) }
    echo $((${12} + ${13}))
}
per_second=$(getconf CLK_TCK)

# NAME PID PORT CONNECTIONS: one run, whose figures are added to those of NAME.
declare -A requests ticked
run() {
    local name=$1 pid=$2 port=$3 before after out done
    before=$(ticks "$pid")
    out=$(wrk -t1 -c "$4" -d "${seconds}s" "http://127.0.0.1:$port/")
    after=$(ticks "$pid")
    if grep -Eq 'Socket errors|Non-2xx' <<<"$out"; then
        echo "$out"
        exit 1
    fi
    done=$(awk '/requests in/ { print $1 }' <<<"$out")
    requests[$name]=$((${requests[$name]:-0} + done))
    ticked[$name]=$((${ticked[$name]:-0} + after - before))
}

haproxy -v | sed -n 1p
printf '%11s  %24s  %28s  %s\n' connections 'requests/s ours, HAProxy' 'CPU us/request ours, HAProxy' 'ours / HAProxy: requests/s, CPU'
for connections in 1 16 64; do
    requests=() ticked=()
    for _ in $(seq "$rounds"); do
        run ours "$ours" 18383 "$connections"
        run rival "$rival" 18382 "$connections"
    done
    awk -v c="$connections" -v s="$((seconds * rounds))" -v hz="$per_second" \
        -v or="${requests[ours]}" -v rr="${requests[rival]}" -v ot="${ticked[ours]}" -v rt="${ticked[rival]}" 'BEGIN {
            oc = ot / hz / or * 1e6; rc = rt / hz / rr * 1e6
            printf "%11d  %12.0f %11.0f  %16.1f %11.1f  %16.2f %13.2f\n", c, or / s, rr / s, oc, rc, or / rr, oc / rc
        }'
done
