#!/usr/bin/env bats
# What the API may answer, on every verb: each answer is met by what it means, and nothing is left behind.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

# passes FAULT: with it once on this verb, COMMAND… ends well.
passes() {
  local fault=$1
  shift
  fault "$fault"
  echo "with $fault: $*"
  expect 0 "$@"
  ask faults | jq -e '.faults | all(.hits > 0 or .times == 0)' >/dev/null || { ask faults; echo "never met: $fault"; return 1; }
  curl -sS -X DELETE "$FLY_FLAPS_BASE_URL/_emulator/faults" >/dev/null
}
# What passes by itself, on any verb.
transient=('"kind":"rate"' '"kind":"html","status":502' '"kind":"html","status":503' '"kind":"empty","status":500' '"kind":"lost_reply"' '"kind":"ghost"' '"kind":"cut"')

@test "fly answers: what passes by itself, on each verb of a boot" {
  fly_start
  pool
  for verb in list create wait; do
    for what in "${transient[@]}"; do
      passes "{$what,\"verb\":\"$verb\",\"times\":1}" flame run "$samples/math.so" add 100 20; same "$out" 120
      same "$(count)" 1
      expect 0 flame pool destroy --yes
    done
  done
}

@test "fly answers: what passes by itself, on start, stop, suspend and delete" {
  fly_start
  pool 'when_idle = "stop"'
  for what in "${transient[@]}"; do
    expect 0 flame pool warm
    passes "{$what,\"verb\":\"suspend\",\"times\":1}" flame pool warm --suspended
    passes "{$what,\"verb\":\"start\",\"times\":1}" flame run "$samples/math.so" add 100 20
    passes "{$what,\"verb\":\"stop\",\"times\":1}" flame pool warm --stopped
    same "$(machines | jq -c '[.[].state]')" '["stopped"]'
    passes "{$what,\"verb\":\"delete\",\"times\":1}" flame pool destroy --yes
    same "$(count)" 0
  done
}

# told FAULT TEXT…: with it, a call ends with 125, one error and its hint, that holds these; no machine is left.
told() {
  local fault=$1
  shift
  fault "$fault"
  expect 125 flame run --timeout 40s "$samples/math.so" add 100 20
  for text in "$@"; do holds "$err" "$text"; done
  same "$(grep -c '^flame: ' <<<"$err")" 1; holds "$err" "hint: "
  curl -sS -X DELETE "$FLY_FLAPS_BASE_URL/_emulator/faults" >/dev/null
  same "$(count)" 0
}

@test "fly answers: no room of every kind: another guest, else said with the API's own words and its request's id" {
  fly_start
  for code in insufficient_capacity race no_capacity legacy host_full volume maintenance; do
    pool 'guest = "performance-1x"' 'fallback_guests = ["shared-cpu-1x"]'
    times=1; case $code in race | no_capacity | host_full) times=3 ;; esac
    passes "{\"kind\":\"capacity\",\"code\":\"$code\",\"verb\":\"create\",\"times\":$times}" flame run "$samples/math.so" add 100 20
    same "$(machines | jq -r '.[0].config.guest.cpu_kind')" shared
    expect 0 flame pool destroy --yes
    pool
    told "{\"kind\":\"capacity\",\"code\":\"$code\",\"verb\":\"create\"}" "no room for shared-cpu-1x" "the Machines API said" ", request 01"
  done
  pool 'regions = ["iad", "ord"]'
  passes '{"kind":"capacity","verb":"create","region":"iad"}' flame run "$samples/math.so" add 100 20
  same "$(machines | jq -r '.[0].region')" ord
  expect 0 flame pool destroy --yes
  pool
  told '{"kind":"capacity","code":"quota","verb":"create"}' "over the allowed quota" "(403"
  told '{"kind":"capacity","code":"payment","verb":"create"}' "payment method" "(422"
}

@test "fly answers: a stopped machine without room where it is: passed over, another is made" {
  fly_start
  pool 'when_idle = "stop"' 'max = 2'
  expect 0 flame pool warm --stopped
  passes '{"kind":"capacity","code":"host_full","verb":"start"}' flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(machines | jq -c '[.[].state] | sort')" '["started","stopped"]'
}

@test "fly answers: a list that lags behind a create whose answer was lost: still one machine" {
  fly_start
  pool 'max = 2' "image = \"$(curl -sSf -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines" | jq -r '.[0].config.image')\""
  fault '{"kind":"list_lag","delay_ms":900}'
  fault '{"kind":"ghost","verb":"create","times":1}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  until [ "$(count)" != 0 ]; do :; done; same "$(count)" 1
  curl -sS -X DELETE "$FLY_FLAPS_BASE_URL/_emulator/faults" >/dev/null
  # One that is empty when it should not be, as has been seen: names hold, nothing is doubled.
  rm -rf "$XDG_RUNTIME_DIR/flame/hints"
  sed -i 's/^max.*/max = 1/' flame.toml; echo 'surge = 0' >>flame.toml
  fault '{"kind":"list_empty","times":1}'
  expect 0 flame run "$samples/math.so" add 100 21; same "$out" 121
  [ "$(count)" -le 2 ]; same "$(machines | jq '[.[].name] | length == (unique | length)')" true
}

@test "fly answers: lists that are empty when they should not be, before a boot: asked again before the image is said to lack" {
  fly_start
  pool
  fault '{"kind":"list_empty","times":2}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  expect 0 flame pool destroy --yes
  fault '{"kind":"list_empty","times":2}'
  expect 0 flame map "$samples/math.so" add 1000 <<<20; same "$out" 1020
  expect 0 flame pool destroy --yes
  # An app that has none.
  fault '{"kind":"list_empty"}'
  expect 125 flame run "$samples/math.so" add 100 20; holds "$err" "has no machine whose image could be used"; holds "$err" "hint: deploy the app once"
}

@test "fly answers: no such host, nobody there, a certificate of somebody else, a page: told within a second, no machine" {
  fly_start
  pool
  declare -A wrong=([http://no-such-host.invalid]="cannot reach the Machines API at http://no-such-host.invalid" [http://127.0.0.1:1]="cannot reach"
    [$FLY_EMULATOR_PROXY_TLS_URL]="ertificate" [ftp://127.0.0.1]="cannot reach")
  for url in "${!wrong[@]}"; do
    FLY_FLAPS_BASE_URL=$url FLY_API_BASE_URL=$url expect 125 flame run --timeout 30s "$samples/math.so" add 1 2
    holds "$err" "${wrong[$url]}"; holds "$err" "hint: "; same "$(grep -c '^flame: ' <<<"$err")" 1
  done
  same "$(count)" 0
  # The logs have an address of their own.
  expect 0 flame pool warm
  FLY_API_BASE_URL=http://127.0.0.1:1 expect 125 flame pool logs; holds "$err" "cannot reach the logs API at http://127.0.0.1:1"; holds "$err" "FLY_API_BASE_URL"
}

@test "fly answers: a slow API, a runner that listens late, a machine that never starts" {
  fly_start
  pool
  passes '{"kind":"delay","verb":"create","delay_ms":2500,"times":1}' flame run "$samples/math.so" add 100 20; same "$out" 120
  expect 0 flame pool destroy --yes
  fault '{"kind":"listens_late","delay_ms":5000,"times":1}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(creates)" 2
  expect 0 flame pool destroy --yes
  sed -i 's/^boot_timeout.*/boot_timeout = "4s"/' flame.toml
  fault '{"kind":"never_starts"}'
  expect 125 flame run "$samples/math.so" add 100 20; holds "$err" "boot_timeout"
  same "$(count)" 0
}

@test "fly answers: an image that cannot be pulled: said, one machine, none left" {
  fly_start
  pool 'image = "registry.fly.io/demo:none"'
  expect 125 flame run "$samples/math.so" add 100 20
  holds "$err" "ended before it was ready"
  same "$(creates)" 1; same "$(count)" 0
}

@test "fly answers: why a machine ended cannot be had: that it ended is told all the same" {
  fly_start
  dying 'echo "no disk for that" >&2' 'exit 3'
  fault '{"kind":"answer","verb":"events","status":403,"text":"unauthorized"}'
  expect 125 flame run "$samples/math.so" add 100 20
  holds "$err" "ended before it was ready"; holds "$err" "hint: "; same "$(grep -c '^flame: ' <<<"$err")" 1
  fault '{"kind":"answer","verb":"logs","status":403,"text":"unauthorized"}'
  curl -sS -X DELETE "$FLY_FLAPS_BASE_URL/_emulator/faults/1" >/dev/null
  expect 125 flame run "$samples/math.so" add 100 21
  holds "$err" "ended before it was ready: it exited with 3"
  same "$(count)" 0
}

@test "fly answers: the API is down for a while in the middle of runs: warm ones do not notice, cold ones wait" {
  fly_start
  pool 'max = 2'
  expect 0 flame run "$samples/math.so" add 100 20
  fault '{"kind":"refuse","delay_ms":'"${FLAME_FLY_OUTAGE_MS:-4000}"',"times":1}'
  for i in $(seq 20); do expect 0 flame run "$samples/math.so" add "$i" 1; same "$out" $((i + 1)); done
  expect 0 flame pool warm --size 2
  same "$(count)" 2
}

@test "fly answers: a runner that has left, idle, before anybody knew of it: no failed boot, another is made" {
  fly_start
  pool 'idle_timeout = "300ms"'
  fault '{"kind":"wait_lies","times":2}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  [ "$(creates)" -ge 2 ]
}

@test "fly answers: a wait that sits its time out is shorter than the runner's patience" {
  fly_start
  pool 'idle_timeout = "4s"'
  fault '{"kind":"wait_lies"}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(creates)" 1
}

@test "fly answers: another user stops again what is being started for a call: it is started once more" {
  fly_start
  local real="exec $FLAME_PREFIX/bin/flame-runner \"\$@\""
  runner_does "$real"; pool_of "$work/dying" 'when_idle = "stop"'
  flame pool warm --stopped
  runner_does 'exec sleep 1000'
  flame run "$samples/math.so" add 100 20 >out 2>err & run=$!
  until ask machines | jq -e 'any(.machines[]; .name == "flame-default-0" and .pid > 0 and .state == "started")' >/dev/null; do sleep 0.02; done
  runner_does "$real"
  flame pool drain
  wait "$run" || { cat err; false; }
  same "$(cat out)" 120; same "$(creates)" 1
}

@test "fly answers: another user drains the pool in the middle of a boot: another machine is made" {
  fly_start
  dying "exec sleep 1000"
  flame run "$samples/math.so" add 100 20 >out 2>err & run=$!
  until ask machines | jq -e 'any(.machines[]; .name == "flame-default-0" and .pid > 0 and .state == "started")' >/dev/null; do sleep 0.02; done
  runner_does "exec $FLAME_PREFIX/bin/flame-runner \"\$@\""
  flame pool drain
  wait "$run" || { cat err; ask journal | jq -c ".requests[]|[.method,.path,.status]"; false; }
  same "$(cat out)" 120
}
