#!/usr/bin/env bats
# The API's token and the pool's: where they are not. Every other test of Fly looks at all that it wrote, too (fly_teardown).
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

@test "fly token: in no process's arguments, in no runner's or worker's environment; a worker reads no token; the machine's API is for root" {
  fly_start
  machine_with_api
  pool_of "$work/machine"
  secret=${FLY_API_TOKEN#* }
  flame run "$plugins/faults.so" sleep_ms 60000 >slow 2>&1 & slow=$!
  until [ "$(state '.[0].busy')" = 1 ]; do kill -0 "$slow"; sleep 0.1; done
  runner_token=$(machines | jq -r '.[0].config.files[0].raw_value' | base64 -d)
  [ ${#runner_token} -ge 32 ]
  seen=0
  for pid in $(ask machines | jq '.machines[].pids[]'); do
    ! grep -qsF -e "$secret" -e "$runner_token" "/proc/$pid/environ"
    case $(cat "/proc/$pid/comm" 2>/dev/null) in flame-runner | flame-worker) seen=$((seen + 1)) ;; esac
  done
  [ "$seen" -ge 2 ]
  ! grep -lsF -e "$secret" -e "$runner_token" /proc/[0-9]*/cmdline
  # The machine's own API is for root, which workers are not; the pool's token was read and removed.
  runner=$(ask machines | jq '.machines[].pids[]' | while read -r pid; do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != flame-runner ] || echo "$pid"; done)
  same "$(stat -c %a "/proc/$runner/root/.fly")" 700
  expect 0 flame run "$plugins/escape.so" read_file /run/flame-token; same "$out" 2
  expect 0 flame run "$plugins/faults.so" env FLY_API_TOKEN; same "$out" null
  kill "$slow"; wait "$slow" || true
  flame pool logs >log; ! grep -qF -e "$secret" -e "$runner_token" log
  expect 0 flame pool destroy --yes
}

@test "fly token: all ways to fail, told without it; none in a core" {
  fly_start
  pool
  secret=${FLY_API_TOKEN#* }
  for fault in '"kind":"html","status":502' '"kind":"capacity","verb":"create"' '"kind":"empty","status":500' '"kind":"never_starts"'; do
    fault "{$fault}"
    flame run --timeout 6s --verbose --json-errors "$samples/math.so" add 1 2 >>said 2>&1 || true
    flame pool warm --timeout 3s >>said 2>&1 || true
    flame pool warm --dry-run --timeout 3s >>said 2>&1 || true
    flame pool status --json --timeout 3s >>said 2>&1 || true
    curl -sS -X DELETE "$FLY_FLAPS_BASE_URL/_emulator/faults" >/dev/null
  done
  FLY_API_TOKEN="FlyV1 $secret wrong" flame pool status >>said 2>&1 || true
  FLY_API_TOKEN="$secret"$'\n' flame pool status >>said 2>&1 || true
  [ -s said ]
  same "$(grep -cF "$secret" said || true)" 0
  flame config --show-origin >>said 2>&1 || true
  same "$(grep -cF "$secret" said || true)" 0
  # The one process that holds it leaves no core.
  mkfifo in; "$FLAME_PREFIX/libexec/flame/flame-backend-fly" <in >out 2>&1 & backend=$!
  exec 7>in; printf '{"id":1,"verb":"list","pool":"default","runtime_dir":"%s","settings":{}}\n' "$XDG_RUNTIME_DIR" >&7
  until grep -q '"id":1' out; do kill -0 "$backend"; sleep 0.05; done
  same "$(awk '/^Max core file size/ {print $5}' "/proc/$backend/limits")" 0
  exec 7>&-; wait "$backend" || true
}
