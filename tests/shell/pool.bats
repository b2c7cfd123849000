#!/usr/bin/env bats
# The runners of a pool: several, one after the other, at once; and what their engine says.
load common
load golden
setup() { common_setup; }
teardown() { common_teardown && nothing_rewritten; }

status() { flame pool status --json | jq -c "$1"; }

@test "warm, status, cool and drain with several runners" {
  printf '[pool.default]\nmax = 3\nmin = 1\nslots = 1\n' >flame.toml
  same "$(status .)" '[]'
  expect 0 flame pool warm --size 3; same "$out$err" ""
  same "$(status '[.[] | {name, state, slots, busy, queued, current, pool, backend}]')" "$(jq -nc '[range(3) | {name: "flame-default-\(.)", state: "ready", slots: 1, busy: 0, queued: 0, current: true, pool: "default", backend: "local"}]')"
  same "$(status '[.[] | .pid] | unique | length')" 3
  status '.[0].address.unix' | grep -q sock; status '.[0].age_ms' | grep -qx '[0-9]*'
  # Columns line up: each begins where its head does.
  flame pool status >table; same "$(wc -l <table)" 4
  at=$(head -1 table | grep -bo GENERATION | cut -d: -f1)
  tail -n +2 table | cut -c"$at" | sort -u | grep -qx ' '
  tail -n +2 table | cut -c$((at + 1))- | grep -vqx '[0-9a-f]*' && false
  expect 125 flame pool warm --size 4; golden pool-full
  flame pool cool
  until [ "$(status length)" = 1 ]; do sleep 0.02; done
  flame pool drain --wait
  same "$(status .)" '[]'
}

@test "a full runner: the next; and one more is booted when all are full" {
  printf '[pool.default]\nmax = 2\nslots = 1\n' >flame.toml
  mkfifo gate1 gate2
  flame run "$plugins/faults.so" hold "$work/gate1" >out.1 &
  until [ "$(status '.[0].busy')" = 1 ]; do sleep 0.02; done
  flame run "$plugins/faults.so" hold "$work/gate2" >out.2 &
  until [ "$(status '.[0].queued')" = 1 ]; do sleep 0.02; done
  same "$(status length)" 1
  expect 0 flame run "$plugins/faults.so" sleep_ms 1; same "$out" 1
  : >gate1; : >gate2
  wait
  same "$(cat out.1 out.2 | tr '\n' ' ')" "true true "
  same "$(status length)" 2
}

@test "many callers at once, cold, of calls that last: they do not all queue on the first runner" {
  printf '[pool.default]\nmax = 4\nslots = 1\n' >flame.toml
  # Slow to answer, so that all wait for the first runner.
  mkdir bin
  printf '#!/bin/sh\n"%s/libexec/flame/flame-backend-local" | while read -r line; do sleep 0.3; echo "$line"; done\n' "$FLAME_PREFIX" >bin/flame-backend-slow
  chmod +x bin/flame-backend-slow
  export PATH=$work/bin:$PATH FLAME_BACKEND=slow
  mkfifo gate
  for i in $(seq 48); do flame run "$plugins/faults.so" hold "$work/gate" >"out.$i" 2>"err.$i" & pids[i]=$!; done
  # Two for each: who finds so many there waits for the next runner, as long as there may be one.
  most=0
  until now=$(status '[.[] | .busy + .queued]'); [ "$(jq length <<<"$now")" = 4 ]; do
    most=$(jq "max // 0 | [., $most] | max" <<<"$now"); sleep 0.05
  done
  while jobs -rp | grep -qxFf <(printf '%s\n' "${pids[@]}"); do timeout 1 sh -c ': >gate' || true; done
  for i in $(seq 48); do wait "${pids[i]}" || { cat "err.$i"; false; }; same "$(cat "out.$i")" true; done
  echo "$most calls on one of fewer than four"
  [ "$most" -ge 1 ]; [ "$most" -le 4 ]
}

@test "drain lets what runs finish and takes nothing new; destroy gives it a grace" {
  flame run "$plugins/faults.so" sleep_ms 1200 >slow & slow=$!
  until [ "$(status '.[0].busy')" = 1 ]; do sleep 0.02; done
  expect 124 flame pool drain --wait --timeout 100ms; same "$out" ""; golden drain-late
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
  wait "$slow"; same "$(cat slow)" 1200
  flame run "$plugins/faults.so" sleep_ms 600 >slow & slow=$!
  until [ "$(status '[.[].busy] | add')" = 1 ]; do sleep 0.02; done
  expect 0 flame pool destroy --yes
  wait "$slow"; same "$(cat slow)" 600
  same "$(status .)" '[]'
  same "$(find "$XDG_RUNTIME_DIR/flame" -name '*default-*')" ""
}

@test "logs: of each, of the last lines, of one that has left" {
  flame pool warm
  expect 0 flame pool logs; jq -e . "$out_file" >/dev/null
  all=$(wc -l <"$out_file")
  expect 0 flame pool logs -n 1; same "$(wc -l <"$out_file")" 1; [ "$all" -ge 1 ]
  flame pool drain --wait
  expect 0 flame pool logs flame-default-0; holds "$out" gone
  expect 125 flame pool logs flame-default-7; holds "$err" "no runner"
}

@test "a runner that does not come up: its last words are shown, nothing is left" {
  cp -a "$FLAME_PREFIX" inst
  printf '#!/bin/sh\necho "no disk for that" >&2\nexit 3\n' >inst/bin/flame-runner
  expect 125 inst/bin/flame run "$samples/math.so" add 1 2
  same "$out" ""; holds "$err" "ended before its hello"; holds "$err" "no disk for that"
  rm inst/bin/flame-runner
  expect 125 inst/bin/flame run "$samples/math.so" add 1 2; holds "$err" "cannot find flame-runner"
}

@test "two installs of different builds live side by side" {
  cp -a "$FLAME_PREFIX" inst
  flame pool warm
  inst/bin/flame pool warm
  same "$(ls -d "$XDG_RUNTIME_DIR"/flame/local-* | wc -l)" 2
  same "$(status length)" 1
  inst/bin/flame pool destroy --yes
  same "$(status length)" 1
}

@test "destroy asks on a terminal" {
  flame pool warm
  answer() { python3 -c 'import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp("flame", ["flame", "pool", "destroy"])
os.write(fd, sys.argv[1].encode() + b"\n")
try:
  while os.read(fd, 1000): pass
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$1"; }
  expect 125 answer n
  same "$(status length)" 1
  expect 0 answer y
  same "$(status length)" 0
}

@test "warm waits for the runners of older settings to leave where it needs their place" {
  printf '[pool.default]\nmax = 2\nslots = 1\n' >flame.toml
  flame pool warm --size 2
  mkfifo gate
  for calls in 1 2 3; do   # both are busy then, wherever each went
    flame run "$plugins/faults.so" hold "$work/gate" &
    until [ "$(flame pool status --json | jq '[.[] | .busy + .queued] | add')" = "$calls" ]; do sleep 0.02; done
  done
  printf '[pool.default]\nmax = 2\nslots = 2\n' >flame.toml
  flame pool warm --size 2 2>said & warm=$!
  until flame pool status --json | jq -e 'any(.[]; .current and .state == "ready")' >/dev/null; do sleep 0.02; done
  kill -0 "$warm"   # there is one place beyond max, and it has been taken
  (while :; do : >gate; done) & opens=$!   # also for the call that waited
  wait "$warm" || { cat said; false; }
  flame pool status --json | jq -e '[.[] | select(.current and .state == "ready")] | length == 2' >/dev/null
  kill "$opens"; wait
}

@test "every runner is full and the engine can boot no other: the call waits in the queue of one that is there, and says why" {
  printf '[pool.default]\nmax = 2\nslots = 1\n' >flame.toml
  mkdir bin
  # The local engine, until it is told to fail.
  printf '#!/bin/sh\n"%s/libexec/flame/flame-backend-local" | while read -r line; do\n  case $line in *machine\\"*) [ ! -e "%s/broken" ] || line=$(echo "$line" | jq -c "{id, error: {code: \\"unreachable\\", message: \\"the engine is away\\"}}") ;; esac\n  echo "$line"\ndone\n' "$FLAME_PREFIX" "$work" >bin/flame-backend-shaky
  chmod +x bin/flame-backend-shaky
  export PATH=$work/bin:$PATH FLAME_BACKEND=shaky
  flame run "$plugins/faults.so" sleep_ms 1500 >out.1 & first=$!
  until [ "$(status '.[0].busy')" = 1 ]; do sleep 0.02; done
  flame run "$plugins/faults.so" sleep_ms 700 >out.2 & second=$!
  until [ "$(status '.[0].queued')" = 1 ]; do sleep 0.02; done
  touch broken
  expect 0 flame run "$plugins/faults.so" sleep_ms 1; same "$out" 1; holds "$err" "no further runner for now: the engine is away"
  wait "$first"; wait "$second"
  rm broken
}
