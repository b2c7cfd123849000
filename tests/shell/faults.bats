#!/usr/bin/env bats
# Each way to go wrong that tests/plugins/faults.c knows does what its name says.
load common
setup() { common_setup; faults=$plugins/faults.so; }
teardown() { common_teardown; }

cause() { flame run --cause-fd 3 "$@" 3>"$work/cause.json"; }
fate() { jq -r '.kind + " " + .fate' "$work/cause.json"; }

@test "an exception that is caught is the function's failure; one that is not kills its worker" {
  expect 1 cause "$faults" throw; same "$(fate)" "failed failed"; holds "$err" "thrown on purpose"
  expect 134 cause "$faults" throw_out; same "$(fate)" "crashed crashed"
}

@test "signals: 139, 134; a smashed stack; exit is 125" {
  expect 139 cause "$faults" segfault; same "$(fate)" "crashed crashed"
  expect 134 cause "$faults" abort; same "$(fate)" "crashed crashed"
  ! cause "$faults" smash_stack 2>err; same "$(fate)" "crashed crashed"
  expect 125 cause "$faults" exit_zero; same "$(fate)" "exited crashed"
}

@test "a worker that dies between two calls costs neither" {
  for _ in 1 2 3 4 5; do
    expect 0 flame run "$faults" die_idle; pid=$out
    while kill -0 "$pid" 2>/dev/null; do read -rt 0.01 <> <(:) || true; done
    expect 0 flame run "$faults" nothing
  done
}

@test "deaf and polite end at the deadline; a call that is held goes on when told to" {
  for name in deaf polite; do expect 124 cause --timeout 300ms "$faults" "$name"; same "$(jq -r .fate cause.json)" timed_out; done
  mkfifo gate
  flame run "$faults" hold "$work/gate" >held &
  : >gate
  wait $!
  same "$(cat held)" true
}

@test "how often a function ran can be counted" {
  for n in 1 2 3; do expect 0 flame run "$faults" count "$work/ran"; same "$out" $n; done
  same "$(wc -c <ran)" 3
  expect 139 flame run "$faults" crash_once "$work/once"
  expect 0 flame run "$faults" crash_once "$work/once"; same "$out" 2
}

@test "memory without end meets the limit" {
  plain_build_only "shadow memory does not fit into the limit"
  ulimit -v 2000000
  expect 12 flame run "$faults" hog; holds "$err" "no memory is left"
  expect 0 flame run "$faults" alloc 1000000; same "$out" 1000000
  expect 0 flame run "$faults" cpu_ms 20; same "$out" 20
}
