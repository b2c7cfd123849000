#!/usr/bin/env bats
# Many first calls at once, and runners that leave in the middle of bursts.
load common
setup() { common_setup; }
teardown() { common_teardown; }

# burst N: N calls at once; all must succeed, and say nothing else.
burst() {
  local i
  for i in $(seq "$1"); do flame run "$samples/math.so" add "$i" 1 >"out.$i" 2>"err.$i" & done
  wait
  for i in $(seq "$1"); do same "$(cat "out.$i" "err.$i")" $((i + 1)); done
}

@test "twenty first calls at once, 50 rounds, stale and junk files about: one runner, all succeed" {
  flame pool warm
  dir=$(dirname "$(flame pool status --json | jq -r '.[0].address.unix')")
  sock=$(basename "$(flame pool status --json | jq -r '.[0].address.unix')")
  for round in $(seq "${FLAME_ROUNDS:-50}"); do
    burst 20
    same "$(flame pool status --json | jq length)" 1
    pids=$(pgrep -c -f "flame-runner --name flame-default-[0-9]* .*$work/")
    same "$pids" 1
    pid=$(flame pool status --json | jq '.[0].pid')
    kill -9 "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
    # Besides the stale socket that it left:
    case $((round % 4)) in
      0) rm -f "$dir/$sock"; echo junk >"$dir/$sock" ;;
      1) echo junk >"$dir/flame-default-0.lock"; : >"$dir/flame-default-0.new"; rm -f "$dir/$sock" ;;
      2) python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$dir/flame-default-0.00000000.sock" ;;
      3) rm -rf "$dir" ;;
    esac
  done
}

@test "runners that leave after 2 ms: no call of any burst is lost" {
  printf '[pool.default]\nidle_timeout = "2ms"\n' >flame.toml
  for round in $(seq "${FLAME_ROUNDS:-25}"); do burst 12; done
}

@test "two callers with other environments and directories do not see each other's" {
  mkdir one two
  (cd one; ONE=1 flame run --env ONE "$plugins/faults.so" env ONE >out)
  (cd two; TWO=2 flame run --env TWO "$plugins/faults.so" env ONE >out; TWO=2 flame run --env TWO "$plugins/faults.so" env TWO >>out)
  same "$(cat one/out two/out | tr '\n' ' ')" '"1" null "2" '
  same "$(flame run "$plugins/faults.so" env TWO)" null
  same "$(readlink "/proc/$(flame pool status --json | jq '.[0].pid')/cwd")" /
}

@test "a runner that leaves while a call runs: its engine sees it until then, and another starts beside it" {
  mkfifo gate
  for how in 'max_lifetime = "1s"' ''; do
    printf '[pool.default]\n%s\n' "$how" >flame.toml
    flame run "$plugins/faults.so" hold "$work/gate" >held & call=$!
    exec 8>gate
    first=$(flame pool status --json | jq '.[0].pid')
    [ -n "$how" ] || kill -TERM "$first"
    until [ "$(flame pool status --json | jq -r '.[0].state')" = stopping ]; do :; done
    expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
    same "$(flame pool status --json | jq -c --argjson pid "$first" '[length, (.[] | select(.pid == $pid) | .state)]')" '[2,"stopping"]'
    exec 8>&-
    wait "$call"; same "$(cat held)" true
    flame pool destroy --yes
    while kill -0 "$first" 2>/dev/null; do :; done
  done
}
