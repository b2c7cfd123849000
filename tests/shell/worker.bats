#!/usr/bin/env bats
# What a worker keeps from its plugin and from what the plugin starts.
load common
setup() { common_setup; dice=$FLAME_BUILD/tests/stress/dice.so faults=$plugins/faults.so; }
teardown() { common_teardown; }

@test "a program that a plugin starts inherits no descriptor of ours" {
  expect 0 flame run "$dice" inherited
  same "$out" '"0\n1\n2\n3\n"'
}

@test "prints of one call never reach another, in order and before the result" {
  for i in 1 2 3 4 5; do
    expect 0 flame run "$faults" chatter
    same "$err" "said on stdout
said on stderr"
    expect 0 flame run "$faults" nothing; same "$err" ""
  done
}

@test "a worker that dies while it is idle costs the next call nothing" {
  for i in $(seq 20); do expect 0 flame run "$faults" die_idle; done
}
