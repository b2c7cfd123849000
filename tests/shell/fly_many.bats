#!/usr/bin/env bats
# Fifty callers at once: never more machines than max on the engine's list, all succeed, the limits are kept.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }
callers=50

# call_at_once COMPUTERS: as many callers, spread over so many runtime directories.
call_at_once() {
  local i
  for i in $(seq "$1"); do mkdir -p -m 0700 "$work/run$i"; done
  for i in $(seq $callers); do
    XDG_RUNTIME_DIR=$work/run$((i % $1 + 1)) flame run "$plugins/faults.so" sleep_ms $((400 + i)) >"out.$i" 2>"err.$i" & pids[i]=$!
  done
}
all_succeed() {
  local i status
  for i in $(seq $callers); do
    status=0; wait "${pids[i]}" || status=$?
    [ "$status" = 0 ] || { echo "caller $i: $status"; cat "err.$i"; return 1; }
    same "$(cat "out.$i")" $((400 + i))
  done
}
ours_on_bill() { ask bill | jq -c '[.machines[] | select(.name | startswith("flame-default-"))]'; }
there() { ours_on_bill | jq '[.[] | select(.destroyed_at_ms == 0)] | length'; }
# The most that were there at one time, of all that there ever were.
most_at_once() {
  ours_on_bill | jq '[.[] | {at: .created_at_ms, by: 1}, (select(.destroyed_at_ms > 0) | {at: .destroyed_at_ms, by: -1})]
    | sort_by(.at, .by) | reduce .[] as $one ({now: 0, most: 0}; .now += $one.by | .most = ([.most, .now] | max)) | .most'
}
# Creates that were sent and that the limit or a taken name refused.
refused() { ask journal | jq '[.requests[] | select(.method == "POST" and (.path | endswith("/machines")) and .status >= 400)] | length'; }

# many MAX COMPUTERS
many() {
  fly_start
  pool "max = $1" 'surge = 0' 'idle_timeout = "1500ms"'
  call_at_once "$2"
  all_succeed
  most=$(most_at_once)
  echo "max $1, $2 computers: $most machines at most, $(creates) creates, $(refused) refused"
  [ "$most" -ge 2 ]; [ "$most" -le "$1" ]
  [ "$(refused)" -le $((3 * $2)) ]  # a computer knows nothing of what the others ask
  # A trickle afterwards: one serves it, the others leave, and then that one too.
  until XDG_RUNTIME_DIR=$work/run1 flame run "$samples/math.so" add 1 1 >/dev/null; [ "$(there)" -le 1 ]; do sleep 0.1; done
  until [ "$(there)" = 0 ]; do sleep 0.2; done
  [ "$(most_at_once)" -le "$1" ]
}

@test "fly many: cold, max 4, one computer" { many 4 1; }
@test "fly many: cold, max 10, one computer" { many 10 1; }
@test "fly many: cold, max 4, four computers" { many 4 4; }
@test "fly many: cold, max 10, four computers" { many 10 4; }

@test "fly many: the API is down for a while in the middle of them: all succeed, no twins, nothing is left" {
  fly_start
  pool 'max = 4' 'surge = 0' 'idle_timeout = "1500ms"'
  call_at_once 1
  until [ "$(creates)" -ge 1 ]; do sleep 0.02; done
  # FLAME_FLY_OUTAGE_MS=30000 for the length of a real one.
  fault '{"kind":"refuse","delay_ms":'"${FLAME_FLY_OUTAGE_MS:-4000}"',"times":1}'
  all_succeed
  until ask bill >/dev/null 2>&1; do sleep 0.1; done
  [ "$(most_at_once)" -le 4 ]
  until [ "$(there)" = 0 ]; do sleep 0.2; done
}
