#!/usr/bin/env bats
# `flame pool keep` on this computer: what it keeps, restores, replaces and leaves.
load common
load keep
setup() { common_setup; }
teardown() { for job in $(jobs -p); do kill -9 "$job" 2>/dev/null || true; done; common_teardown; }

pool() { printf '[pool.default]\nmin = 2\nmax = 3\nslots = 1\n' >flame.toml; for line in "$@"; do echo "$line" >>flame.toml; done; }

@test "keep: min runners are there, also after kills; they stay beyond idle_timeout, and when it ends" {
  pool 'idle_timeout = "1s"'
  keep a
  await_said a '.event == "runner_ready"' 2
  await_status '[.[] | {name, state}]' '[{"name":"flame-default-0","state":"ready"},{"name":"flame-default-1","state":"ready"}]'
  before=$(status '[.[].pid]')
  until [ "$(status 'map(.age_ms > 3000) | all')" = true ]; do sleep 0.2; done
  same "$(status '[.[].pid]')" "$before"
  kill -9 "$(status '.[0].pid')"
  await_said a '.event == "runner_lost" and .runner == "flame-default-0"'
  await_said a '.event == "runner_ready"' 3
  kill -9 $(status '.[].pid')
  await_said a '.event == "runner_ready"' 5
  await_status '[.[].state]' '["ready","ready"]'
  before=$(status '[.[].pid]')
  stop a
  same "$(status '[.[].pid]')" "$before"
  jq -e 'has("ts") and has("level") and has("event")' a.log >/dev/null
}

@test "keep: spares are ready while others work, and leave by themselves afterwards" {
  pool 'idle_timeout = "1s"'; sed -i 's/min = 2/min = 0/' flame.toml
  keep a --spares 1
  await_said a '.event == "runner_ready"'
  flame run "$plugins/faults.so" sleep_ms 3000 >out &
  call=$!
  await_said a '.event == "runner_ready"' 2
  await_status '[.[] | .busy] | sort' '[0,1]'
  wait "$call"; same "$(cat out)" 3000
  await_said a '.event == "runner_gone"'
  await_status '[.[] | .state]' '["ready"]'
  stop a
}

@test "keep: new settings: the new come first, then the old drain; what runs is finished; max + surge names" {
  pool 'surge = 1'
  keep a
  await_said a '.event == "runner_ready"' 2
  flame run "$plugins/faults.so" sleep_ms 4000 >out &
  call=$!
  until [ "$(status '[.[].busy] | add')" = 1 ]; do sleep 0.02; done
  old=$(status '.[0].generation')
  sed -i 's/slots = 1/slots = 2/; s/max = 3/max = 2/' flame.toml
  most=0
  until [ "$(said a '.event == "drain"')" = 2 ]; do n=$(status length); [ "$n" -le "$most" ] || most=$n; done
  [ "$most" -le 3 ]
  # Each drain has a new runner before it; the idle one went first.
  jq -c 'select(.event == "drain" or (.event == "runner_ready")) | .event' a.log | tail -n +3 | tr -d '\n' >order
  same "$(cat order)" '"runner_ready""drain""runner_ready""drain"'
  same "$(jq -c 'select(.event == "drain") | .busy' a.log | tr '\n' ' ')" "0 1 "
  wait "$call"; same "$(cat out)" 4000
  await_status "[.[] | [.current, .slots]]" '[[true,2],[true,2]]'
  [ "$(status '.[0].generation')" != "$old" ]
  # What cannot be read changes nothing.
  echo 'slots = "many"' >>flame.toml
  await_said a '.event == "settings_error"'
  kill -0 "$a"
  sed -i '$d' flame.toml
  stop a
}

@test "keep: the second waits, and goes on when the first is killed; no runner is made twice" {
  pool
  keep a
  await_said a '.event == "runner_ready"' 2
  keep b
  await_said b '.event == "runner_known"' 2
  same "$(said b '.event == "acting"')" 0
  kill -9 $(status '.[].pid')
  await_said a '.event == "runner_ready"' 4
  same "$(said b '.event == "decision"')" 0
  kill -9 "$a"
  await_said b '.event == "acting"'
  kill -9 "$(status '.[0].pid')"
  await_said b '.event == "runner_ready"'
  await_status '[.[].state]' '["ready","ready"]'
  stop b
}

@test "keep: runners that do not come up: the reason is told, the pause grows" {
  cp -a "$FLAME_PREFIX" inst
  printf '#!/bin/sh\necho "no disk for that" >&2\nexit 3\n' >inst/bin/flame-runner
  pool; sed -i 's/min = 2/min = 1/' flame.toml
  PATH=$work/inst/bin:$PATH keep a
  await_said a '.event == "boot_failed"' 3
  same "$(jq -c 'select(.event == "boot_failed") | .next_in_ms' a.log | head -3 | tr '\n' ' ')" "250 500 1000 "
  await_said a '.event == "runner_log" and (.text | contains("no disk for that"))'
  # Nothing was tried in a pause: three failures are three boots.
  stop a
}

@test "keep: wrong words and a pool that cannot be are told at once" {
  for wrong in '--spares x' '--spares' '--size 2' '--dry-run' '--yes' 'x'; do expect 125 flame pool keep $wrong; holds "$err" "flame pool"; done
  expect 125 flame pool warm --spares 1; holds "$err" "--spares is for 'keep'"
  FLAME_BACKEND=nowhere expect 125 flame pool keep; holds "$err" "no backend 'nowhere'"
}
