#!/usr/bin/env bats
# The emulator's own proof: each group of Python tests is one test here (tests/fly-emulator/proof).

load common

setup() {
  common_setup
  export TMPDIR=$work PYTHONDONTWRITEBYTECODE=1
  proof=$BATS_TEST_DIRNAME/../fly-emulator/proof
}
teardown() {
  [ -z "${emulator:-}" ] || kill "$emulator" 2>/dev/null || true
  common_teardown
}

group() {
  (cd "$proof" && timeout 300 python3 -m unittest "$@")
  left=$(find "$work" -maxdepth 1 -name 'flame-fly-*')
  same "$left" ""
}

@test "fly-emulator: create, list, get" { group test_create; }
@test "fly-emulator: rate limits" { group test_limits; }
@test "fly-emulator: lifecycle on real processes" { group test_lifecycle; }
@test "fly-emulator: wait" { group test_wait; }
@test "fly-emulator: leases" { group test_lease; }
@test "fly-emulator: exec, metadata, apps, secrets, logs" { group test_misc; }
@test "fly-emulator: faults" { group test_faults; }
@test "fly-emulator: suspend, resume, update" { group test_suspend; }
@test "fly-emulator: proxy" { group test_proxy; }
@test "fly-emulator: garbage, 2,000 connections" { group test_garbage; }
@test "fly-emulator: 50 clients at once" { group test_concurrent; }
@test "fly-emulator: 1,000 light machines" { group test_light; }
@test "fly-emulator: no namespaces; not root" { chmod 711 "$work"; group test_plain; }
@test "fly-emulator: checklist, help, man page" { group test_checklist; }

# image DIR: a root file system of its own that holds the runner, the worker with its libraries, and a plugin.
image() {
  mkdir -p "$1"/usr/local/bin "$1"/usr/local/libexec/flame "$1"/app
  cp "$FLAME_PREFIX"/bin/flame-runner "$1"/usr/local/bin/
  cp "$FLAME_PREFIX"/libexec/flame/flame-worker "$1"/usr/local/libexec/flame/
  cp "$samples"/math.so "$1"/app/
  local library
  for library in $(ldd "$FLAME_PREFIX"/libexec/flame/flame-worker "$FLAME_PREFIX"/bin/flame-runner "$samples"/math.so | sed -n 's|^[^/]*\(/[^ ]*\) (0x.*|\1|p'); do
    mkdir -p "$1$(dirname "$library")"; cp -L "$library" "$1$library"
  done
}

@test "fly-emulator: with curl alone, a runner in a machine: call, stop, start, suspend, resume, delete, bill" {
  image img
  FLAME_FLY_TOKEN=the-runners-token-0123456789
  flame-fly-emulator --fast -q --no-machine --image "registry.fly.io/demo:v1=$work/img" --ready-file ready >log 2>&1 &
  emulator=$!
  until [ -e ready ]; do kill -0 "$emulator"; sleep 0.02; done
  . ./ready
  machines=$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines
  fly() { curl -sS --fail-with-body --retry 9 --retry-max-time 15 -H "Authorization: Bearer $FLY_API_TOKEN" "$@"; }
  call() {  # until it listens
    curl -sS --fail-with-body --retry 200 --retry-connrefused --retry-delay 0 --retry-max-time 20 -H "Authorization: Bearer $FLAME_FLY_TOKEN" \
      -d '{"path":"/app/math.so","function":"add","args":[100,20]}' "http://$address:8080/v1/run"
  }
  fly "$machines" -d '{"name":"flame-default-0","config":{"image":"registry.fly.io/demo:v1","restart":{"policy":"no"},"stop_config":{"signal":"SIGTERM"},
    "files":[{"guest_path":"/run/token","mode":384,"raw_value":"'"$(printf %s "$FLAME_FLY_TOKEN" | base64)"'"}],
    "init":{"exec":["/usr/local/bin/flame-runner","--listen","$FLY_PRIVATE_IP:8080","--token-file","/run/token","--idle-timeout-ms","1500"]}}}' >machine
  id=$(jq -r .id machine) address=$(jq -r .private_ip machine)
  fly "$machines/$id/wait?timeout=20&state=started" >/dev/null
  same "$(call)" '{"result":120}'

  fly -X POST "$machines/$id/stop" >/dev/null; fly "$machines/$id/wait?timeout=20&state=stopped" >/dev/null
  fly "$machines/$id/events" | jq -e '[.[] | select(.type == "exit")][0].request.exit_event | .exit_code == 0 and .requested_stop' >/dev/null
  fly -X POST "$machines/$id/start" >/dev/null; fly "$machines/$id/wait?timeout=20&state=started" >/dev/null
  same "$(call)" '{"result":120}'

  # Asleep for longer than the runner's idle time: its clock stood still, so it has not left.
  fly -X POST "$machines/$id/suspend" >/dev/null; fly "$machines/$id/wait?timeout=20&state=suspended" >/dev/null
  sleep 2
  fly -X POST "$machines/$id/start" >/dev/null; fly "$machines/$id/wait?timeout=20&state=started" >/dev/null
  same "$(call)" '{"result":120}'
  fly "$machines/$id/events" | jq -e '[.[] | select(.type == "exit")] | length == 1' >/dev/null

  fly -X DELETE "$machines/$id?force=true" >/dev/null; fly "$machines/$id/wait?timeout=20&state=destroyed" >/dev/null
  curl -sS "$FLY_FLAPS_BASE_URL/_emulator/bill" | jq -e '.total_usd > 0 and .machines[0].started_seconds >= 1' >/dev/null
  kill -INT "$emulator"; wait "$emulator"
}

@test "fly-emulator: its machines die with it, also when it is killed; what it left is swept by the next" {
  export TMPDIR=$work
  flame-fly-emulator --fast -q --image '*=/' --ready-file ready >log 2>&1 &
  emulator=$!
  until [ -e ready ]; do kill -0 "$emulator"; sleep 0.02; done
  . ./ready
  machines=$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines
  curl -sS --fail-with-body -H "Authorization: Bearer $FLY_API_TOKEN" "$machines" \
    -d '{"config":{"image":"x","init":{"exec":["/bin/sh","-c","setsid sleep 987654 & sleep 987654"]}}}' >machine
  curl -sS --fail-with-body -H "Authorization: Bearer $FLY_API_TOKEN" "$machines/$(jq -r .id machine)/wait" >/dev/null
  pids=$(curl -sS "$FLY_FLAPS_BASE_URL/_emulator/machines" | jq '.machines[].pids[]')
  [ -n "$pids" ]
  kill -9 "$emulator"; wait "$emulator" || true
  for pid in $pids; do
    for _ in $(seq 200); do [ -e "/proc/$pid/exe" ] || break; sleep 0.02; done
    [ ! -e "/proc/$pid/exe" ]
  done
  flame-fly-emulator --fast -q --no-machine --ready-file again >log 2>&1 &
  emulator=$!
  until [ -e again ]; do kill -0 "$emulator"; sleep 0.02; done
  kill -TERM "$emulator"; wait "$emulator"
  same "$(find "$work" -maxdepth 1 -name 'flame-fly-*')" ""
}

@test "fly-emulator: while it refuses, nobody else takes its port" {
  flame-fly-emulator --fast -q --no-machine --ready-file ready >log 2>&1 & emulator=$!
  until [ -e ready ]; do kill -0 "$emulator"; sleep 0.02; done
  . "$work/ready"; first=$FLY_FLAPS_BASE_URL
  curl -sS -d '{"kind":"refuse","delay_ms":60000}' "$first/_emulator/faults"
  flame-fly-emulator --fast -q --no-machine --ready-file other >log2 2>&1 & second=$!
  until [ -e other ]; do kill -0 "$second"; sleep 0.02; done
  . "$work/other"
  kill "$second"; wait "$second"
  echo "$first then $FLY_FLAPS_BASE_URL"; ls -l; cat ready other log log2
  [ "$FLY_FLAPS_BASE_URL" != "$first" ]
}
