#!/usr/bin/env bats
# The first seeds of tests/chaos; './dev chaos --seed S --count N' does others.
load common

chaos() { python3 -B "$BATS_TEST_DIRNAME/../chaos/chaos.py" "$@"; }

@test "chaos: mixes of commands while the engine, machines, workers, links and clients fail" {
  export FLAME_PREFIX=${FLAME_PREFIX:-$FLAME_BUILD/stage/usr/local}
  chaos --count "$([ -z "${FLAME_SANITIZER:-}" ] && echo 20 || echo 3)"
}
