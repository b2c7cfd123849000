#!/usr/bin/env bats
# flame explain: the timeline of the last calls, kept for their user.
load common
setup() { common_setup; }
teardown() { common_teardown; }

phases() { flame explain --json "$@" | jq -r '.phases_ms | keys_unsorted | join(" ")'; }

@test "the last call: its phases in order, the slowest with what shortens it" {
  expect 125 flame explain; holds "$err" "no call is remembered"
  flame run "$samples/math.so" add 1 2
  expect 0 flame explain; same "$err" ""
  holds "$out" "add of math.so, done"; holds "$out" "on flame-default-0"; holds "$out" "  <- the slowest"; holds "$out" "to shorten "
  holds "$(phases)" "engine start"                                     # it was booted for the call …
  same "$(flame explain --json | jq .measured)" true                   # … so the runner told its times
  flame run "$plugins/faults.so" sleep_ms 40
  same "$(flame explain --json | jq -r '.slowest, .measured, .function' | tr '\n' ' ')" "run false sleep_ms "
  same "$(flame explain --json | jq '.phases_ms.run >= 40 and .total_ms >= .phases_ms.run')" true
  expect 0 flame explain; holds "$out" "to shorten run: flame run --verbose tells"
  case "$(phases)" in *engine*|*start*) false ;; esac
}

@test "one by its id, which --verbose tells; failures too; a list" {
  expect 7 flame run -v "$plugins/faults.so" fail_with 7
  id=$(sed -n 's/^flame: call  *\([0-9a-z]*\)$/\1/p' "$err_file"); same "${#id}" 13
  flame run "$samples/math.so" add 1 2
  same "$(flame explain --json "${id:0:8}" | jq -r '.outcome, .function, .measured' | tr '\n' ' ')" "failed fail_with true "
  same "$(flame explain --list --json | jq -r 'map(.function) | join(" ")')" "add fail_with"
  same "$(flame explain --list | awk 'NR > 1 {print $NF}' | tr '\n' ' ')" "add fail_with "
  expect 125 flame explain 0000; holds "$err" "none of your last calls"
  expect 125 flame explain no-id; holds "$err" "is no call id"
  expect 125 flame explain --list "$id"; holds "$err" "one call id at most"
}

@test "a detached call: its way to the runner, and once it was fetched, the rest" {
  id=$(flame run --detach "$plugins/faults.so" sleep_ms 30)
  case "$(phases "$id")" in *run*) false ;; esac
  flame wait "$id" >/dev/null
  same "$(flame explain --json "$id" | jq -r '.detached, .measured, .outcome, .phases_ms.run >= 30' | tr '\n' ' ')" "true true done true "
  same "$(flame explain --list --json | jq length)" 1
}

@test "a call that waits says so: a busy runner is asked for its times" {
  printf '[pool.default]\nslots = 1\n' >flame.toml
  mkfifo gate
  first=$(flame run --detach "$plugins/faults.so" hold "$work/gate"); exec 8>gate
  flame run "$samples/math.so" add 1 2 8>&- & waits=$!
  until [ "$(flame pool status --json | jq '.[0].queued')" = 1 ]; do sleep 0.02; done
  exec 8>&-; wait "$waits"
  same "$(flame explain --json | jq '.measured and .phases_ms.queue > 0')" true
  flame wait --forget "$first"
}

@test "rows are small and their number is bounded; what is broken or nowhere is passed over" {
  flame run "$samples/math.so" add 1 2
  file=$XDG_STATE_HOME/flame/call-times
  same "$(stat -c '%s %a' "$file")" "296 600"
  ! grep -q "$work" "$file"
  for _ in $(seq 999); do cat "$file"; done >more; head -c $((296 * 998)) more >>"$file"
  flame run "$samples/math.so" add 3 4                                  # the thousandth
  [ ! -e "$file" ]; same "$(stat -c %s "$file.old")" 296000
  flame run "$samples/math.so" mean '[1,3]'
  same "$(flame explain --list --json | jq -r 'map(.function) | join(" ")')" "mean add add"
  head -c 1000 /dev/urandom >"$file.old"
  same "$(flame explain --list --json | jq length)" 1
  rm "$file"; mkdir "$file"
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3; same "$err" ""
  HOME= XDG_STATE_HOME= expect 0 flame run "$samples/math.so" add 1 2; same "$err" ""
}
