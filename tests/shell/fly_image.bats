#!/usr/bin/env bats
# What an image may hold: another flame's runner, nothing that can be pulled, an app's own process beside the runner.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

# older OLD=NEW…: a pool whose image's flame-runner says these words instead.
older() {
  printf '#!/bin/sh\nexec python3 "%s/older_runner.py" "%s/bin/flame-runner"' "$BATS_TEST_DIRNAME" "$FLAME_PREFIX" >"$work/older"
  printf " '%s'" "$@" >>"$work/older"; printf ' -- "$@"\n' >>"$work/older"; chmod +x "$work/older"
  pool_of "$work/older"
}

@test "fly image: a flame-runner of another protocol: told at once, with what to do, and its machine is gone" {
  fly_start
  older '"protocol":[1,1]=>"protocol":[0,0]'
  sed -i 's/=>/=/' "$work/older"
  for i in 1 2; do
    expect 125 flame run "$samples/math.so" add 100 20
    holds "$err" "flame-default-0 is of no use to this flame: the runner does not speak protocol 1"; holds "$err" "hint: its image holds the flame-runner of another flame"
    same "$(grep -c '^flame: ' <<<"$err")" 1
    same "$(creates)" "$i"; same "$(count)" 0
  done
  expect 125 flame pool warm; holds "$err" "of no use to this flame"
  # After three there is the pause of every boot that fails.
  expect 125 flame run "$samples/math.so" add 100 20; holds "$err" "boots failed; the next is tried in"
  same "$(creates)" 3; same "$(count)" 0
}

@test "fly image: an older flame-runner of the same protocol serves" {
  fly_start
  older '"version":"0.1.0"="version":"0.0.9"'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120; same "$err" ""
  expect 0 flame pool destroy --yes
}

@test "fly image: an app's own process beside the runner, as samples/fly-app/with-app starts it" {
  fly_start
  # The process: it says that it is up, and where it ends.
  printf '#!/bin/sh\necho up >/run/app-is-up\nexec sleep 987654\n' >server; chmod +x server
  printf '#!/bin/sh\nexport APP=%s/server FLAME_RUNNER=%s/bin/flame-runner\nexec %s/with-app "$@"\n' "$work" "$FLAME_PREFIX" "$BATS_TEST_DIRNAME/../../samples/fly-app" >machine; chmod +x machine
  pool_of "$work/machine" 'idle_timeout = "1s"'
  expect 0 flame run "$plugins/escape.so" read_file /run/app-is-up; same "$out" 0
  # Nothing that the runner does to workers and what they leave behind harms it.
  expect 0 flame run "$plugins/faults.so" leave_orphan "/tmp/orphan"
  app() { ask machines | jq '.machines[].pids[]' | while read -r pid; do tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null; echo; done | grep -c '^sleep 987654 $' || true; }
  same "$(app)" 1
  # Idle, the runner leaves, and the machine with it.
  until [ "$(count)" = 0 ]; do sleep 0.3; done
  until [ "$(app)" = 0 ]; do sleep 0.05; done
}
