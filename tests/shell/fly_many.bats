#!/usr/bin/env bats
# Many callers at once: never more machines than max on the engine's list, all succeed, the limits are kept.
# FLAME_FLY_CALLERS=50 for the whole of it.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }
callers=${FLAME_FLY_CALLERS:-14}

# many MAX COMPUTERS: as many callers, cold, spread over so many runtime directories.
many() {
  local max=$1 computers=$2 status i
  fly_start
  pool "max = $max" 'surge = 0' 'idle_timeout = "4s"'
  for i in $(seq "$computers"); do mkdir -p -m 0700 "$work/run$i"; done
  for i in $(seq "$callers"); do
    XDG_RUNTIME_DIR=$work/run$((i % computers + 1)) flame run "$plugins/faults.so" sleep_ms $((400 + i)) >"out.$i" 2>"err.$i" & pids[i]=$!
  done
  most=0
  while jobs -rp | grep -qxFf <(printf '%s\n' "${pids[@]}"); do
    now=$(ask machines | jq '[.machines[] | select((.name | startswith("flame-default-")) and (.state | IN("destroyed", "destroying") | not))] | length')
    [ "$now" -le "$max" ]
    [ "$now" -le "$most" ] || most=$now
    sleep 0.05
  done
  for i in $(seq "$callers"); do
    status=0; wait "${pids[i]}" || status=$?
    [ "$status" = 0 ] || { echo "caller $i: $status"; cat "err.$i"; return 1; }
    same "$(cat "out.$i")" $((400 + i))
  done
  [ "$most" -ge 1 ]
  # Of creates that were sent, those that the limit or a taken name refused.
  refused=$(ask journal | jq '[.requests[] | select(.method == "POST" and (.path | endswith("/machines")) and .status >= 400)] | length')
  echo "max $max, $computers computers: $most machines at most, $(creates) creates, $refused refused"
  [ "$refused" -le $((3 * computers)) ]
  # A trickle afterwards lets the others leave: one serves it.
  for i in $(seq 6); do XDG_RUNTIME_DIR=$work/run1 flame run "$samples/math.so" add "$i" 1 >/dev/null; done
  until [ "$(count)" = 0 ]; do sleep 1; done
  token_nowhere
}

@test "fly many: cold, max 4, one computer" { many 4 1; }
@test "fly many: cold, max 10, one computer" { many 10 1; }
@test "fly many: cold, max 4, four computers" { many 4 4; }
