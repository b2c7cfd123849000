#!/usr/bin/env bats
# Damaged plugins: an answer each. 300 here; FLAME_MUTANTS=5000 for the whole round, FLAME_SEED for another one.
load common
setup() { common_setup; }
teardown() { common_teardown; }

@test "damaged plugins are answered by inspect, check and a real worker" {
  plain_build_only "a sanitizer makes it slow and large"
  here=$BATS_TEST_DIRNAME
  run python3 "$here/../fuzz/mutants.py" "${FLAME_MUTANTS:-300}" "${FLAME_SEED:-1}" "$samples/math.so" "$plugins/skew/leaky.so" "$samples/text.so"
  echo "$output"; [ "$status" -eq 0 ]
}
