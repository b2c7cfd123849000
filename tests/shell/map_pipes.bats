#!/usr/bin/env bats
# flame map as a part of a pipeline: readers that leave or stop, writers that never end, memory, the job log's promise.
load common
setup() { common_setup; }
teardown() { common_teardown; }

fmap() { timeout -k 1 120 flame map "$@"; }
until_true() { for _ in $(seq 3000); do "$@" 2>/dev/null && return; sleep 0.01; done; echo "never came true: $*"; return 1; }
busy() { flame pool status --json | jq '.[0].busy'; }
has_busy() { [ "$(busy)" = "$1" ]; }
# stands_still FILE: its number has not changed ten times in a row.
stands_still() {
  local last='' still=0 now
  until [ "$still" -ge 10 ]; do
    sleep 0.1; now=$(cat "$1" 2>/dev/null || true)
    if [ -n "$now" ] && [ "$now" = "$last" ]; then still=$((still + 1)); else still=0; fi
    last=$now
  done
}

@test "| head -1: long calls are stopped on the runner, nothing is said, the pipe's status is SIGPIPE's" {
  mkfifo gate
  { echo quick; yes "gate:$work/gate" | head -n 50; } >in
  bash -c 'timeout -k 1 60 "$@" <in 2>err; echo $? >status' _ flame map --raw "$plugins/mapped.so" gate | { head -n 1; exec 0<&-; until_true has_busy 0; } >got
  same "$(cat got)" quick
  until_true test -s status; same "$(cat status)" 141
  same "$(cat err)" ""
  expect 0 timeout 20 flame run "$plugins/mapped.so" gate again   # the workers that were killed are replaced
}

@test "the reader leaves while everything runs and nothing is ready: all is stopped at once" {
  mkfifo gate results
  yes "gate:$work/gate" | head -n 50 >in
  fmap "$plugins/mapped.so" gate <in >results 2>err & pid=$!
  exec 7<results
  until_true has_busy 2
  exec 7<&-
  status=0; wait "$pid" || status=$?
  same "$status" 141; same "$(cat err)" ""
  until_true has_busy 0
}

@test "the job log names no item whose result has not been written" {
  mkfifo results; exec 8<>results   # nobody reads
  seq 100000 200000 >in
  timeout -k 1 100 flame map --joblog log "$samples/math.so" add 0 <in >&8 3>&- 8>&- & pid=$!
  for _ in $(seq 100); do   # until it has stood still ten times in a row
    sleep 0.05; now=$(wc -l <log 2>/dev/null || echo 0)
    if [ "$now" -gt 1 ] && [ "$now" = "$last" ]; then still=$((still + 1)); else still=0; fi
    last=$now; [ "$still" -lt 10 ] || break
  done
  logged=$((now - 1)); [ "$logged" -gt 0 ]
  kill -KILL "$(pgrep -P "$pid")" "$pid"; wait "$pid" || true
  # What the pipe holds was written; every logged item is there.
  timeout 5 dd if=results of=held bs=1M count=1 iflag=nonblock 2>/dev/null || true
  [ "$(wc -l <held)" -ge "$logged" ]
  exec 8>&-
  timeout -k 1 100 flame map --joblog log --resume "$samples/math.so" add 0 <in >rest
  # SIGKILL may have cut a write: the half line joins nothing.
  same "$({ cat held; echo; cat rest; } | sort -n | uniq | grep -c '^[0-9]\{6\}$')" 100001
}

@test "a slow item in front: what waits behind it is bounded, in number and in bytes, and so is the memory" {
  mkfifo gate results
  for size in 1 60000; do
    rm -f made log
    text=$(head -c "$size" /dev/zero | tr '\0' x)
    { echo "gate:$work/gate"; i=0; while echo "$text"; do i=$((i + 1)); [ $((i % 50)) != 0 ] || echo $i >made; done; } 2>/dev/null 3>&- |
      timeout -k 1 100 flame map --raw "$plugins/mapped.so" gate >results 3>&- & pid=$!
    exec 7<results
    stands_still made
    [ "$(cat made)" -lt 80000 ]; [ $(($(cat made) * size)) -lt 40000000 ]
    flame=$(pgrep -f "flame map --raw $plugins/mapped.so" | while read -r p; do [ "$(cat /proc/$p/comm)" != flame ] || echo "$p"; done)
    peak=$(awk '/VmHWM/ {print $2}' "/proc/$flame/status")
    [ -n "${FLAME_SANITIZER:-}" ] || [ "$peak" -lt 32768 ] || { echo "$peak KiB"; return 1; }
    : >gate
    read -r line <&7; same "$line" "gate:$work/gate"
    read -r line <&7; same "$line" "$text"
    exec 7<&-; wait "$pid" || true
  done
}

@test "an input that goes on and off: results come as items do, with no end in sight" {
  mkfifo items results
  fmap "$samples/math.so" add 1 <items >results & pid=$!
  exec 8>items 7<results
  for i in 1 5 9; do echo $i >&8; read -r line <&7; same "$line" $((i + 1)); done
  exec 8>&-; wait "$pid"; exec 7<&-
}

@test "SIGPIPE ignored by whoever started it, a closed stdout: said, not died of" {
  seq 100000 >in
  expect 125 bash -c 'exec timeout 60 flame map "$1" add 1 <in >&-' _ "$samples/math.so"; holds "$err" "stdout is closed"
}

@test "xargs -P and a map share the runner" {
  seq 50 >in
  fmap "$samples/math.so" add 1 <in >one & a=$!
  xargs -P 4 -n 1 flame run -n "$samples/math.so" add 100 <in | sort -n >two
  wait "$a"
  seq 2 51 | cmp - one; seq 101 150 | cmp - two
  same "$(flame pool status --json | jq length)" 1
}
