#!/usr/bin/env bats
# What flame run tells beside the result: the progress line on a terminal (tmux) and nowhere else, and --verbose.
load common
load terminal
setup() { common_setup; mkfifo gate; }
teardown() { close_terminal; common_teardown; }

lacks() { case "$1" in *"$2"*) printf 'there is %q in:\n%s\n' "$2" "$1"; return 1 ;; esac; }
# Until the call runs, whatever the screen shows.
await_busy() { until [ "$(flame pool status --json | jq '.[0].busy')" = 1 ]; do sleep 0.02; done; }

@test "the progress of a long call: one line, its escapes shown; gone when the result comes" {
  flame pool warm
  terminal 60 "flame run $plugins/faults.so progress_hold $work/gate"
  await '3 of 4 (75 %)  rows\x1b[2J'
  : >gate
  await "status 0"
  same "$(screen | grep . | tail -2)" $'true\nstatus 0'
  lacks "$(screen)" "75 %"
}

@test "a runner that is long in coming: said on a terminal, and gone when it is there" {
  held_boots
  terminal 60 "flame run $samples/math.so add 100 20"
  await "starting a runner of the pool default"
  : >boot_gate
  await "status 0"
  same "$(screen | grep . | tail -2)" $'120\nstatus 0'
  lacks "$(screen)" "starting"
}

@test "no line with NO_COLOR, TERM=dumb or --quiet, and not a byte of it in a pipe" {
  flame pool warm
  for how in "NO_COLOR=1 flame run" "TERM=dumb flame run" "flame run --quiet"; do
    terminal 60 "$how $plugins/faults.so progress_hold $work/gate"
    await_busy
    : >gate
    await "status 0"
    same "$(screen | grep . | tail -2)" $'true\nstatus 0'
    lacks "$(screen)" "75 %"
  done
  (await_busy; : >gate) &
  expect 0 flame run "$plugins/faults.so" progress_hold "$work/gate"; same "$out" true; same "$err" ""
  wait
}

# The phases that $err tells, in a line.
phases() { sed -n 's/^flame: \([a-z]*\) *[0-9.]* ms.*/\1/p' "$err_file" | paste -sd' '; }
# ms PHASE: what was told of it.
ms() { sed -n "s/^flame: $1 *\([0-9.]*\) ms.*/\1/p" "$err_file"; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a >= b) }' || { echo "$1 is less than $2"; return 1; }; }

@test "--verbose: each phase once, in order; run, CPU time and memory are the runner's" {
  expect 0 flame run -v "$plugins/faults.so" sleep_ms 40; same "$out" 40
  same "$(phases)" "find boot connect send queue load run receive total cpu"
  at_least "$(ms run)" 40; at_least "$(ms total)" "$(ms run)"; at_least 40 "$(ms cpu)"
  expect 0 flame run -v "$plugins/faults.so" cpu_ms 40
  same "$(phases)" "find connect send queue load run receive total cpu"
  at_least "$(ms cpu)" 40; same "$(ms load)" 0.00
  expect 0 flame run -v --fresh "$plugins/faults.so" alloc 100000000
  at_least "$(sed -n 's/.*peak memory \([0-9]*\) KiB$/\1/p' "$err_file")" 97656
  [ "$(ms load)" != 0.00 ]
  # The plugin travels.
  flags=-rm; [ "$(id -u)" -ne 0 ] || flags=-m
  mkdir hidden private; cp "$samples/math.so" hidden/
  expect 0 unshare $flags --propagation private sh -c "mount --bind hidden private && flame run -v private/math.so add 1 2"; same "$out" 3
  same "$(phases)" "find connect ship send queue load run receive total cpu"
}

@test "--verbose of a call that its worker does not survive: CPU time and memory all the same" {
  cpu_and_memory() { at_least "$(ms run)" "$1"; [ -n "$(ms cpu)" ]; at_least "$(sed -n 's/.*peak memory \([0-9]*\) KiB$/\1/p' "$err_file")" 1024; }
  expect 139 flame run -v "$plugins/faults.so" segfault; cpu_and_memory 0
  expect 125 flame run -v "$plugins/faults.so" exit_zero; cpu_and_memory 0
  expect 124 flame run -v --timeout 300ms "$plugins/faults.so" spin; cpu_and_memory 100; at_least "$(ms cpu)" 1
  expect 0 flame explain; holds "$out" "peak memory"
}

@test "--verbose of a call that fails, waits or dies: its phases, then the one error" {
  expect 7 flame run -v "$plugins/faults.so" fail_with 7; same "$out" ""
  same "$(phases)" "find boot connect send queue load run total cpu"
  same "$(tail -1 "$err_file" | cut -c1-21)" "flame: EFAULT: it bro"
  expect 139 flame run -v "$plugins/faults.so" segfault
  same "$(phases)" "find connect send queue load run total cpu"
  printf '[pool.one]\nslots = 1\n' >flame.toml
  flame run --pool one "$plugins/faults.so" hold "$work/gate" >/dev/null & first=$!
  until [ "$(flame pool status --json --pool one | jq '.[0].busy')" = 1 ]; do sleep 0.02; done
  (until [ "$(flame pool status --json --pool one | jq '.[0].queued')" = 1 ]; do sleep 0.02; done; sleep 0.05; : >gate) &
  expect 0 flame run -v --pool one "$plugins/faults.so" sleep_ms 0
  at_least "$(ms queue)" 50
  wait "$first"
  flame pool destroy --yes --pool one
}
