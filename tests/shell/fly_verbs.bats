#!/usr/bin/env bats
# Every answer of the API that is known, on every verb that flame uses of it: a table.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

@test "fly verbs: each answer on each verb passes by itself, or is told in the API's words, by what it means" {
  apps=()
  for verb in list logs list-addresses take-lease create wait get start stop suspend delete; do
    for part in $(seq 0 7); do apps+=(--other-app "$verb-$part"); done
  done
  fly_start --light --image "*=/" --set limits=0 "${apps[@]}"
  python3 "$BATS_TEST_DIRNAME/fly_verbs.py" "$FLAME_PREFIX/libexec/flame/flame-backend-fly" "$XDG_RUNTIME_DIR"
}
