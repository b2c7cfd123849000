#!/usr/bin/env bats
# The emulator's own proof: each group of Python tests is one test here (tests/fly-emulator/proof).

load common

setup() {
  common_setup
  export TMPDIR=$work PYTHONDONTWRITEBYTECODE=1
  proof=$BATS_TEST_DIRNAME/../fly-emulator/proof
}
teardown() { common_teardown; }

group() {
  (cd "$proof" && timeout 300 python3 -m unittest "$@")
  left=$(find "$work" -maxdepth 1 -name 'flame-fly-*')
  same "$left" ""
}

@test "fly-emulator: create, list, get" { group test_create; }
@test "fly-emulator: rate limits" { group test_limits; }
@test "fly-emulator: lifecycle on real processes" { group test_lifecycle; }
@test "fly-emulator: wait" { group test_wait; }
@test "fly-emulator: leases" { group test_lease; }
@test "fly-emulator: exec, metadata, apps, secrets, logs" { group test_misc; }
@test "fly-emulator: faults" { group test_faults; }
@test "fly-emulator: suspend, resume, update" { group test_suspend; }
@test "fly-emulator: proxy" { group test_proxy; }
@test "fly-emulator: garbage, 2,000 connections" { group test_garbage; }
@test "fly-emulator: 50 clients at once" { group test_concurrent; }
@test "fly-emulator: 1,000 light machines" { group test_light; }
@test "fly-emulator: checklist, help, man page" { group test_checklist; }
