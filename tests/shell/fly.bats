#!/usr/bin/env bats
# The engine Fly from end to end: the flame command, its backend, the emulator of Fly's API, a runner in each machine.
load common
load fly

setup() { fly_setup; }
teardown() { fly_teardown; }

@test "fly: a cold call boots a machine, a warm one asks the API nothing; status, destroy" {
  fly_start
  pool 'guest = "shared-cpu-2x"'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  before=$(requests)
  for i in 1 2 3; do expect 0 flame run "$samples/math.so" add "$i" 20; same "$out" $((i + 20)); done
  same "$(requests)" "$before"
  flame pool status --json | jq -e 'length == 1 and (.[0] | .state == "ready" and .region == "iad" and .guest == "shared-cpu-2x" and (.image | contains("@sha256:")) and .price_per_second > 0 and .current)'
  flame pool status >table; grep -q 'REGION *GUEST' table; grep -q 'iad *shared-cpu-2x' table
  flame pool logs | grep -q .
  expect 0 flame pool destroy --yes; same "$out$err" ""
  same "$(count)" 0
  token_nowhere
}

@test "fly: twelve callers at once and max 3: never more machines, all succeed" {
  fly_start
  pool 'max = 3' 'surge = 1'
  for i in $(seq 12); do flame run "$plugins/faults.so" sleep_ms $((300 + i)) >"out.$i" 2>"err.$i" & pids[i]=$!; done
  for i in $(seq 12); do wait "${pids[i]}" || { cat "err.$i"; return 1; }; same "$(cat "out.$i")" $((300 + i)); done
  [ "$(creates)" -le 3 ]
  [ "$(count)" -le 3 ]; [ "$(count)" -ge 1 ]
  same "$(ask machines | jq '[.machines[] | select(.name | startswith("flame-default-"))] | length')" "$(count)"
  token_nowhere
}

@test "fly: map on two warm machines: right, in order, two machines, nothing asked of the API" {
  fly_start
  pool 'max = 2'
  expect 0 flame pool warm --size 2
  same "$(count)" 2
  before=$(requests)
  seq 2000 >items
  flame map "$samples/math.so" add 1000 <items >sums
  same "$(cat sums)" "$(seq 1001 3000)"
  # Its end is no news of the runners: the next call finds them as well.
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(requests)" "$before"
  same "$(count)" 2
}

@test "fly: what cannot be: one error with its hint, no machine, no request where none is needed" {
  fly_start
  pool 'guest = "shared-cpu-3x"'
  before=$(requests)
  expect 125 flame run "$samples/math.so" add 1 2; holds "$err" "shared-cpu-3x"; holds "$err" "hint: "
  same "$(requests)" "$before"
  pool
  expect 125 env -u FLY_API_TOKEN flame run "$samples/math.so" add 1 2
  holds "$err" "no Fly API token"; holds "$err" "hint: export FLY_API_TOKEN"
  expect 125 env -u FLY_APP_NAME flame run "$samples/math.so" add 1 2
  holds "$err" "no Fly app is named"; holds "$err" "hint: name it with app"
  same "$(requests)" "$before"
  expect 125 env FLY_APP_NAME=nothing-like-it flame run "$samples/math.so" add 1 2
  holds "$err" "nothing-like-it"; holds "$err" "hint: "; same "$(grep -c '^flame: ' <<<"$err")" 1
  expect 125 env FLY_API_TOKEN=fm2_wrong flame run "$samples/math.so" add 1 2
  holds "$err" "FLY_API_TOKEN"; same "$(grep -c '^flame: ' <<<"$err")" 1
  readonly_token=$(ask tokens -d '{"kind":"readonly"}' | jq -r .token)
  expect 125 env FLY_API_TOKEN="$readonly_token" flame run "$samples/math.so" add 1 2
  holds "$err" "(40"; holds "$err" "hint: "
  same "$(count)" 0
  # The nearest fly.toml names the app.
  mkdir -p app/deep; cp flame.toml app/; printf 'app = "%s"\n' "$FLY_APP_NAME" >app/fly.toml
  (cd app/deep && expect 0 env -u FLY_APP_NAME flame run "$samples/math.so" add 1 2; same "$out" 3)
  token_nowhere
}

@test "fly: a lost reply to a create makes no twin" {
  fly_start
  pool 'max = 2'
  for kind in lost_reply ghost cut; do
    fault '{"kind":"'$kind'","verb":"create","times":1}'
    expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
    same "$(count)" 1
    expect 0 flame pool destroy --yes
  done
}

@test "fly: no room: the next guest; and none at all: said once, nothing left" {
  fly_start
  pool 'guest = "performance-1x"' 'fallback_guests = ["shared-cpu-1x"]'
  fault '{"kind":"capacity","code":"insufficient_capacity","verb":"create","times":1}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(machines | jq -r '.[0].config.guest.cpu_kind')" shared
  expect 0 flame pool destroy --yes
  fault '{"kind":"capacity","code":"insufficient_capacity","verb":"create"}'
  expect 125 flame run "$samples/math.so" add 100 20
  holds "$err" "no room"; holds "$err" "fallback_guests"
  same "$(count)" 0
}

@test "fly: an image without flame-runner: its exit and its log are told, one machine was made, none is left" {
  fly_start
  pool 'runner = "/nowhere/flame-runner"'
  sed -i '0,/^runner/{/^runner/d}' flame.toml
  for when in auto kept; do
    before=$(creates)
    expect 125 flame run "$samples/math.so" add 100 20
    holds "$err" "flame-default-0"; holds "$err" "ended before it was ready: it exited with 1"; holds "$err" "/nowhere/flame-runner"
    same "$(grep -c '^flame: ' <<<"$err")" 1
    same "$(($(creates) - before))" 1
    same "$(count)" 0
    echo 'when_idle = "stop"' >>flame.toml
  done
}

@test "fly: a runner that dies right after started: last log lines, exit event, oom flag; once" {
  fly_start
  dying 'echo "no disk for that" >&2' 'exit 3'
  expect 125 flame run "$samples/math.so" add 100 20
  holds "$err" "it exited with 3"; holds "$err" "no disk for that"; same "$(creates)" 1
  dying 'echo "long enough to be started" >&2' 'sleep 0.3' 'kill -SEGV $$'
  expect 125 flame run --timeout 40s "$samples/math.so" add 100 21
  holds "$err" "it died of signal 11"; holds "$err" "long enough to be started"; same "$(creates)" 2
  pool
  fault '{"kind":"oom"}'
  expect 125 flame run "$samples/math.so" add 100 20
  holds "$err" "oom_killed"; holds "$err" "its guest is too small"; same "$(creates)" 3
  same "$(count)" 0
}

@test "fly: boots that fail are not repeated: those who wait fail with the first, after three there is a pause" {
  fly_start
  dying 'echo "no disk for that" >&2' 'sleep 0.5' 'exit 3'
  for i in $(seq 6); do flame run "$samples/math.so" add "$i" 1 >"out.$i" 2>"err.$i" & pids[i]=$!; done
  for i in $(seq 6); do status=0; wait "${pids[i]}" || status=$?; same "$status" 125; grep -q "it exited with 3" "err.$i"; done
  made=$(creates); [ "$made" -le 2 ]
  while [ "$made" -lt 3 ]; do expect 125 flame run "$samples/math.so" add 1 1; made=$((made + 1)); done
  for i in 1 2 3; do expect 125 flame run "$samples/math.so" add 1 1; holds "$err" "boots failed; the next is tried in"; holds "$err" "no disk for that"; done
  same "$(creates)" "$made"
  expect 125 flame pool warm; holds "$err" "it exited with 3"
  same "$(creates)" $((made + 1))
  # Other settings are another generation; and a hello closes it.
  pool
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
}

@test "fly: many 429, 5xx with a web page, empty answers: a run gets through" {
  fly_start
  pool
  fault '{"kind":"rate","times":4}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  expect 0 flame pool destroy --yes
  fault '{"kind":"html","status":502,"times":3}'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(count)" 1
}

@test "fly: a machine destroyed by somebody else in mid-call: unknown, and the next call boots again" {
  fly_start
  pool
  flame run "$plugins/faults.so" sleep_ms 60000 >slow.out 2>slow.err & slow=$!
  until flame pool status --json | jq -e '.[0].busy == 1' >/dev/null; do kill -0 "$slow"; sleep 0.05; done
  id=$(machines | jq -r '.[0].id')
  curl -sSf --retry 9 -X DELETE -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines/$id?force=true" >/dev/null
  status=0; wait "$slow" || status=$?
  cat slow.out slow.err
  same "$status" 125
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  [ "$(machines | jq -r '.[0].id')" != "$id" ]
}

@test "fly: when_idle stop: the machine stays, stopped, and is started before another is made" {
  fly_start
  pool 'max = 2' 'when_idle = "stop"' 'idle_timeout = "300ms"'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  id=$(machines | jq -r '.[0].id')
  until [ "$(machines | jq -r '.[0].state')" = stopped ]; do sleep 0.3; done
  expect 0 flame run "$samples/math.so" add 100 21; same "$out" 121
  same "$(machines | jq -r '.[].id')" "$id"
  same "$(creates)" 1
}

@test "fly: a new deploy is another generation: its image's machines take over" {
  fly_start --image "*=/"
  pool
  expect 0 flame run "$samples/math.so" add 100 20
  app=$(curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines" | jq -c '[.[] | select(.config.metadata.fly_process_group)][0]')
  curl -sS --fail-with-body -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines/$(jq -r .id <<<"$app")" \
    -d "$(jq -c '{config: (.config | .image = "registry.fly.io/demo:deployment-2" | .metadata.fly_release_version = "9")}' <<<"$app")" >new || { cat new; return 1; }
  flame pool status --json | jq -e '.[0].current == false and (.[0].generation | endswith("+old-image"))'
}

@test "fly: the recipe of samples/fly-app/README.md, as typed" {
  sed -n '/^The same without an account/,/^What was tried/s/^    //p' "$BATS_TEST_DIRNAME/../../samples/fly-app/README.md" >recipe
  grep -q 'flame run' recipe
  expect 0 bash -e recipe
  same "$(head -1 "$out_file")" 120
  holds "$out" "flame-default-0"
}

@test "fly: flame killed after each request of a boot: run again, right, and one machine" {
  for at in 0 1 2 3 4 5; do
    rm -f "$work/ready"; fly_start; pool
    flame run "$samples/math.so" add 100 20 >cut.out 2>&1 & cut=$!
    until [ "$(requests)" -ge "$at" ] || ! kill -0 "$cut" 2>/dev/null; do :; done
    kill -9 "$cut" 2>/dev/null || true
    wait "$cut" || true
    expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
    same "$(count)" 1
    kill "$emulator"; wait "$emulator" || true; emulator=
    rm -rf "$XDG_RUNTIME_DIR"/flame
  done
}

@test "fly: two apps with a pool of the same name: a warm call never reaches the other's machine" {
  fly_start --other-app second
  pool 'image = "registry.fly.io/demo:none"'
  sed -i "s|^image.*|image = \"$(curl -sSf -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/demo/machines" | jq -r '.[0].config.image')\"|" flame.toml
  expect 0 flame run "$samples/math.so" add 100 20
  FLY_APP_NAME=second expect 0 flame run "$samples/math.so" add 100 20
  same "$(ask machines | jq -r '[.machines[] | select(.name | startswith("flame-")) | .app] | sort | join(" ")')" "demo second"
  # The same, named by the nearest fly.toml.
  mkdir one; cp flame.toml one/; echo 'app = "demo"' >one/fly.toml
  before=$(creates)
  (cd one && expect 0 env -u FLY_APP_NAME flame run "$samples/math.so" add 1 2)
  echo 'app = "second"' >one/fly.toml
  (cd one && expect 0 env -u FLY_APP_NAME flame pool status --json; jq -e 'length == 1' "$out_file")
  same "$(creates)" "$before"
  (cd one && env -u FLY_APP_NAME flame pool destroy --yes); expect 0 flame pool destroy --yes
}

@test "fly: the README's section, as typed" {
  sed -n '/^## Fly/,/^## The house/s/^    //p' "$BATS_TEST_DIRNAME/../../README.md" >recipe
  grep -q 'flame run' recipe
  expect 0 bash -e recipe
  holds "$out" "POST /v1/apps/demo/machines"; holds "$out" "price: "; grep -qx 120 "$out_file"; grep -qx 1005 "$out_file"
  holds "$out" "flame-default-"
}

@test "fly: a deploy in mid-run: what runs ends well on the old image, the next call boots the new one" {
  fly_start --image "*=/"
  pool 'max = 1' 'surge = 1'
  flame run "$plugins/faults.so" sleep_ms 5000 >slow & slow=$!
  until [ "$(state '.[0].busy')" = 1 ]; do kill -0 "$slow"; sleep 0.1; done
  old=$(machines | jq -r '.[0].name')
  api=$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines
  app=$(curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$api" | jq -c '[.[] | select(.config.metadata.fly_process_group)][0]')
  curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$api/$(jq -r .id <<<"$app")" \
    -d "$(jq -c '{config: (.config | .image = "registry.fly.io/demo:deployment-2" | .metadata.fly_release_version = "9")}' <<<"$app")" >/dev/null
  # Another computer, which knows no runner yet.
  mkdir -m 0700 "$work/run2"
  XDG_RUNTIME_DIR=$work/run2 expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  new=$(XDG_RUNTIME_DIR=$work/run2 flame pool status --json | jq -r '.[] | select(.current).name')
  [ "$new" != "$old" ]
  wait "$slow"; same "$(cat slow)" 5000
  until [ "$(machines | jq -r '.[].name')" = "$new" ]; do sleep 0.3; done
}
