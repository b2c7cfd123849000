#!/usr/bin/env bats
# What a machine of ours is made with, and what lives on it: settings, environment, its own API, a suspend.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

# Of the one runner: the machine's process whose name is flame-runner.
runner_pid() {
  ask machines | jq '.machines[].pids[]' | while read -r pid; do [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != flame-runner ] || echo "$pid"; done
}

@test "fly machine: its environment is what Fly gives, and what machine_env names of ours; nothing else, no token" {
  fly_start
  pool 'machine_env = ["GREETING", "NOT_SET"]'
  export GREETING=hello SECRET_OF_MINE=hidden FLAME_SECRET_OF_MINE=hidden
  expect 0 flame pool warm
  same "$(machines | jq -c '.[0].config.env')" '{"GREETING":"hello"}'
  tr '\0' '\n' <"/proc/$(runner_pid)/environ" | cut -d= -f1 | grep -v -e '^FLY_' -e '^PRIMARY_REGION$' | sort >names
  same "$(tr '\n' ' ' <names)" "GREETING "
  expect 0 flame run "$plugins/faults.so" env SECRET_OF_MINE; same "$out" null
  # A worker's is smaller still: what calls bring, and nothing of the machine's.
  expect 0 flame run "$plugins/faults.so" env FLY_MACHINE_ID; same "$out" null
}

@test "fly machine: with nothing set it is what the man page's table says" {
  fly_start
  printf '[pool.default]\nbackend = "fly"\n' >flame.toml
  expect 0 flame pool warm --dry-run
  sed -n 's/^POST [^ ]* //p' "$out_file" >body
  # KEY: what the table says of its default.
  told() { awk -v key="$1" '/^\|  / {k = substr($0, 4); getline; if (k == key) print substr($0, 4)}' "$BATS_TEST_DIRNAME/../../man/flame-backend-fly.7.scd"; }
  has() { jq -r "$1" body; }
  same "$(has '.config.guest | "\(.cpu_kind)-cpu-\(.cpus)x (\(.memory_mb) MB)"')" "$(told guest)"
  same "$(has '.config.init.exec[0]')" "$(told runner)"
  same "$(has '.config.init.exec | .[index("--listen") + 1] | sub(".*:"; "")')" "$(told port)"
  holds "$(told listen)" "$(has '.config.init.exec | .[index("--listen") + 1] | sub(":[0-9]*$"; "")');"
  same "$(has '.config.init.exec | .[index("--drain-timeout-ms") + 1]')" "$(told drain_timeout_s)000"
  same "$(has .config.stop_config.timeout)" "$(told drain_timeout_s)s"
  same "$(told connect)" 6pn; same "$(has .config.services)" null
  same "$(told when_idle)" destroy; same "$(has .config.auto_destroy)" true
  same "$(told machine_env)" none; same "$(has '.config.env | length')" 0
  same "$(told regions)" "near the caller"; same "$(has .region)" null
  # Each key of the table is one that flame.toml takes, and the other way round.
  awk '/^\|  / {print substr($0, 4)}' "$BATS_TEST_DIRNAME/../../man/flame-backend-fly.7.scd" | sort >in_table
  sed -n 's/.*name = "\([a-z_]*\)", .kind = Kind::engine.*/\1/p' "$BATS_TEST_DIRNAME/../../client/config/pool_keys.cpp" | grep -vx 'hosts\|partition\|mounts' | cat - <(echo guest) | sort >in_code
  diff in_table in_code
}

@test "fly machine: a flame inside a Machine asks the internal API; FLY_FLAPS_BASE_URL goes before" {
  fly_start
  pool
  FLY_MACHINE_ID=148e272b0d1789 FLY_FLAPS_BASE_URL= expect 125 flame run --timeout 20s "$samples/math.so" add 1 2
  holds "$err" "cannot reach the Machines API at http://_api.internal:4280"; same "$(grep -c '^flame: ' <<<"$err")" 1
  FLY_MACHINE_ID=148e272b0d1789 expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
}

@test "fly machine: its own API is for root alone: a worker reaches neither it nor the pool's token" {
  fly_start
  machine_with_api
  for sandbox in default strict; do
    pool_of "$work/machine" "sandbox = \"$sandbox\""
    # 13: no way there. It would be 6, that a socket is no file, if there were one.
    expect 0 flame run "$plugins/escape.so" read_file /.fly/api; same "$out" 13
    runner=$(runner_pid)
    same "$(stat -c %F "/proc/$runner/root/.fly/api")" socket
    # The file that held the token is gone, and the process that knows it cannot be looked into.
    expect 0 flame run "$plugins/escape.so" read_file /run/flame-token; same "$out" 2
    inside=$(awk '/^NSpid/ {print $NF}' "/proc/$runner/status")
    expect 0 flame run "$plugins/escape.so" read_file "/proc/$inside/mem"; [ "$out" -gt 0 ]
    expect 0 flame run "$plugins/escape.so" read_file "/proc/$inside/environ"; [ "$out" -gt 0 ]
    expect 0 flame pool destroy --yes
  done
}

@test "fly machine: suspended by somebody else: a hint of one that sleeps is no call's end; resumed, it says hello anew and is warm again" {
  fly_start
  pool 'when_idle = "stop"'
  expect 0 flame run "$samples/math.so" add 100 20
  id=$(machines | jq -r '.[0].id')
  pid=$(runner_pid)
  curl -sSf --retry 9 -X POST -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines/$id/suspend" >/dev/null
  until [ "$(machines | jq -r '.[0].state')" = suspended ]; do sleep 0.1; done
  # The hint says where it was: no hello comes there, the engine is asked, and resumes it.
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(machines | jq -r '.[].id')" "$id"; same "$(runner_pid)" "$pid"; same "$(creates)" 1
  before=$(requests)
  expect 0 flame run --timeout 20s "$plugins/faults.so" sleep_ms 50; same "$out" 50
  same "$(requests)" "$before"
}
