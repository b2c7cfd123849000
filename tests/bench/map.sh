#!/usr/bin/env bash
# flame map against the least code that does the same, and against others: one table, medians of interleaved rounds.
#   FLAME_BENCH_ROUNDS=3 FLAME_BENCH_LONG=1 (40 million lines too)
set -uo pipefail
cd "$(dirname "$0")"
here=$PWD build=${FLAME_BUILD:?} rounds=${FLAME_BENCH_ROUNDS:-3}
prefix=$build/stage/usr/local
PATH=$prefix/bin:$PATH
math=$prefix/share/flame/samples/math.so faults=$build/tests/plugins/faults.so
work=$(mktemp -d /tmp/flame-bench-XXXXXX)
export XDG_RUNTIME_DIR=$work HOME=$work
port=$((20000 + RANDOM % 20000)) pids=()
end() { flame pool destroy --yes; [ ${#pids[@]} -eq 0 ] || kill "${pids[@]}"; wait; rm -rf "$work"; } >/dev/null 2>&1
trap end EXIT
cd "$work"

g++ -O2 -std=c++20 "$here/map_floor.cpp" -o floor || exit 1
g++ -O2 -std=c++20 "$here/map_gearman_worker.cpp" -o gearman_worker -lgearman || exit 1
gearmand --port=$((port)) --listen=127.0.0.1 --log-file=none >/dev/null 2>&1 & pids+=($!)
node "$here/map_node.mjs" serve $((port + 1)) & pids+=($!)
for _ in 1 2; do ./gearman_worker "$port" & pids+=($!); done
flame pool warm
for _ in $(seq 100); do echo 1 | timeout 5 node "$here/map_node.mjs" map $((port + 1)) add >/dev/null 2>&1 && break; sleep 0.1; done

# What each does with the items of a file: the function's name, the file.
by_floor() { ./floor "$1" <"$2"; }
by_flame() { case "$1" in add) flame map "$math" add 1 <"$2" ;; echo) flame map --raw "$faults" echo_string <"$2" ;; *) flame map "$faults" "$1" <"$2" ;; esac; }
by_gearman() { split -n l/2 "$2" half.; for h in half.a?; do gearman -h 127.0.0.1 -p "$port" -n -f "$1" <$h & gear+=($!); done; wait "${gear[@]}"; gear=(); }
by_node() { node "$here/map_node.mjs" map $((port + 1)) "$1" <"$2"; }
by_xargs() { case "$1" in add) xargs -P2 -n1 /usr/bin/expr 1 + <"$2" ;; sleep_ms) xargs -P2 -I{} /bin/sleep 0.{} <"$2" ;; cpu_ms) xargs -P2 -I{} sh -c 'echo {} | ./floor cpu_ms 1' <"$2" ;; esac; }
by_parallel() { case "$1" in add) parallel -k -j2 /usr/bin/expr 1 + <"$2" ;; sleep_ms) parallel -k -j2 /bin/sleep 0.{} <"$2" ;; cpu_ms) parallel -k -j2 'echo {} | ./floor cpu_ms 1' <"$2" ;; esac; }
gear=()

seconds() { local from=$EPOCHREALTIME; "$@" >out 2>err </dev/null || { echo "failed: $*" >&2; cat err >&2; }; awk -v a="$from" -v b="$EPOCHREALTIME" 'BEGIN {printf "%.4f\n", b - a}'; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# table TITLE FUNCTION ITEMS COUNT WHO…: fewer items for those who are slow; their rate is what counts.
table() {
  local title=$1 fn=$2 items=$3 who round count; shift 3
  printf '\n%s\n%-10s %10s %12s %14s\n' "$title" who items seconds 'items/s'
  for who in "$@"; do : >"t.${who%:*}"; done
  for ((round = 0; round < rounds; ++round)); do
    for who in "$@"; do
      count=${who#*:}; [ "$count" = "$who" ] && count=$(wc -l <"$items")
      head -n "$count" "$items" >some
      seconds "by_${who%:*}" "$fn" some >>"t.${who%:*}"
    done
  done
  local floor=''
  for who in "$@"; do
    count=${who#*:}; [ "$count" = "$who" ] && count=$(wc -l <"$items")
    t=$(median <"t.${who%:*}")
    [ -n "$floor" ] || floor=$(awk -v n="$count" -v t="$t" 'BEGIN {print n / t}')
    awk -v who="${who%:*}" -v n="$count" -v t="$t" -v f="$floor" 'BEGIN {printf "%-10s %10d %12.4f %14.1f   %.4f of the floor\n", who, n, t, n / t, n / t / f}'
  done
}

seq 1000000 >million; head -n 100000 million >tiny
yes 5 | head -n 1000 >five
yes 100 | head -n 100 >hundred
head -c 49152 /dev/urandom | base64 -w 0 >one64k; yes "$(cat one64k)" | head -n 10000 >big
echo "cores: $(nproc), load: $(cut -d' ' -f1-3 /proc/loadavg), rounds: $rounds"
table 'P3: 100,000 tiny items, in order' add tiny floor flame gearman:20000 node:5000 xargs:1000 parallel:200
table '1,000,000 tiny items' add million floor flame
table 'P4: 1,000 items of 5 ms CPU (ideal on 2 idle cores: 2.5 s)' cpu_ms five floor flame gearman node xargs parallel:300
table '100 items of 100 ms' sleep_ms hundred floor flame gearman node xargs parallel
table '10,000 items of 64 KiB both ways' echo big floor flame gearman:1000 node:1000

if [ -n "${FLAME_BENCH_LONG:-}" ]; then
  echo; echo 'P6: 40 million short lines; peak memory of each process'
  runner=$(flame pool status --json | jq '.[0].pid')
  /usr/bin/env python3 - "$math" <<'P'
import os, resource, subprocess, sys
seq = subprocess.Popen(["seq", "40000000"], stdout=subprocess.PIPE)
out = open("/dev/null", "w")
run = subprocess.Popen(["flame", "map", sys.argv[1], "add", "1"], stdin=seq.stdout, stdout=out)
_, status, usage = os.wait4(run.pid, 0)
print(f"flame      {usage.ru_maxrss / 1024:.1f} MiB, status {os.waitstatus_to_exitcode(status)}, {usage.ru_utime + usage.ru_stime:.0f} s of CPU")
P
  for pid in $runner $(pgrep -P "$runner"); do awk -v who="$(cat /proc/$pid/comm)" '/VmHWM/ {printf "%-10s %.1f MiB\n", who, $2 / 1024}' /proc/$pid/status; done
fi
