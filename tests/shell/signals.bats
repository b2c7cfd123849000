#!/usr/bin/env bats
# Ctrl-C and its kin at any moment: flame dies of the signal, says at most one thing, leaves nothing, and the runner lives.
load common
setup() { common_setup; }
teardown() { [ -z "${acting:-}" ] || kill "$acting"; common_teardown; }
# by_hand MODE COMMAND…: with a runner that tests/wire/as_runner.py plays; Ctrl-C comes once it says so, and is died of.
by_hand() {
  local mode=$1 sock pid status=0
  shift
  flame pool warm
  sock=$(flame pool status --json | jq -r '.[0].address.unix')
  flame pool destroy --yes
  mkfifo words
  PYTHONDONTWRITEBYTECODE=1 python3 "$BATS_TEST_DIRNAME/../wire/as_runner.py" "$mode" "$sock" >words & acting=$!
  exec 8<words
  read -r _ <&8  # ready
  timeout -k 1 60 "$@" >out 2>err & pid=$!
  read -r _ <&8
  kill -INT "$(pgrep -P "$pid" flame)"
  wait "$pid" || status=$?
  same "$status" 130
  [ ! -s out ]
}

@test "Ctrl-C at random moments: dies of SIGINT, no stray output, the runner lives on" {
  flame pool warm
  pid=$(flame pool status --json | jq '.[0].pid')
  # What is started by a script's & has SIGINT ignored, and by nohup SIGHUP; so would these tests' flame.
  env --default-signal=INT python3 - "$plugins/faults.so" <<'X'
import os, random, signal, subprocess, sys, time
seed = int(os.environ.get("FLAME_SEED", "7")); random.seed(seed); print("seed", seed)
for i in range(int(os.environ.get("FLAME_ROUNDS", "200"))):
    p = subprocess.Popen(["flame", "run", sys.argv[1], "sleep_ms", "30000"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    time.sleep(random.choice([0.0005, 0.002, 0.02]) * random.random())
    os.killpg(p.pid, signal.SIGINT)
    out, err = p.communicate(timeout=20)
    assert p.returncode == -signal.SIGINT, (i, p.returncode, err)
    assert out == b"", (i, out)
    assert err.count(b"\n") <= 1 and (err == b"" or err.startswith(b"flame: cancelled")), (i, err)
X
  same "$(flame pool status --json | jq '.[0].pid')" "$pid"
  until [ "$(flame pool status --json | jq '.[0].busy + .[0].queued')" = 0 ]; do sleep 0.02; done
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
}

@test "SIGTERM and SIGHUP cancel the call too, and flame dies of them" {
  for name in TERM HUP; do
    env --default-signal="$name" flame run "$plugins/faults.so" sleep_ms 30000 >out 2>err & pid=$!
    until [ "$(flame pool status --json | jq '.[0].busy')" = 1 ]; do sleep 0.02; done
    kill -"$name" "$pid"
    status=0; wait "$pid" || status=$?
    same "$status" $((128 + $(kill -l "$name")))
    [ ! -s out ]
    until [ "$(flame pool status --json | jq '.[0].busy')" = 0 ]; do sleep 0.02; done
  done
}

@test "Ctrl-C while another flame sends the plugin: that one is not waited for" {
  by_hand another_sends flame run "$plugins/faults.so" echo_i64 1
  same "$(cat err)" "flame: cancelled while the plugin was sent"
}

@test "Ctrl-C while another runner is looked for, for the first one left: none is booted" {
  by_hand leaves flame run "$plugins/faults.so" echo_i64 1
  same "$(cat err)" ""
  same "$(flame pool status --json | jq length)" 0
}

@test "what the caller ignores stays ignored: neither Ctrl-C nor a hang-up ends the call" {
  mkfifo held
  env --ignore-signal=INT --ignore-signal=HUP flame run "$plugins/faults.so" hold "$work/held" 2>err & pid=$!
  exec 7>held  # it has begun
  kill -INT "$pid"; kill -HUP "$pid"  # of two that were not ignored it would die at once
  exec 7>&-
  wait "$pid"
  [ ! -s err ]
}

@test "a reader that goes away: flame dies of SIGPIPE, without a word" {
  set +o pipefail
  flame run "$plugins/faults.so" flood 2>err | head -c1 >/dev/null
  same "${PIPESTATUS[0]}" 141
  [ ! -s err ]
  until [ "$(flame pool status --json | jq '.[0].busy')" = 0 ]; do sleep 0.02; done
}

@test "a deadline holds while nobody reads the output, while stdin is silent, and while the runner is stopped" {
  mkfifo pipe; exec 7<>pipe
  expect 124 bash -c 'flame run --timeout 500ms "$1" flood >pipe' _ "$plugins/faults.so"; holds "$err" "nobody reads"
  expect 124 bash -c 'trap "" ALRM; flame run --timeout 500ms "$1" flood >pipe' _ "$plugins/faults.so"; holds "$err" "nobody reads"
  mkfifo silent; exec 6<>silent
  expect 124 flame run --timeout 500ms "$plugins/faults.so" echo_bytes - <silent 6<&-
  pid=$(flame pool status --json | jq '.[0].pid')
  kill -STOP "$pid"
  expect 124 flame run --timeout 500ms "$samples/math.so" add 1 2; same "$out" ""
  kill -CONT "$pid"
}
