#!/usr/bin/env bats
# Which guest a boot asks for, and what becomes of one that is too small.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

# A plugin whose function wants more than the smallest machine.
big_plugin() {
  cat >big.c <<'C'
#include <flame/plugin.h>
static int big(flame_call *call) {
  uint32_t count;
  return call->host->result_i64(call, call->host->arguments(call, &count)[0].as.i64);
}
#define FUNCTIONS(F) F(big, "(n: i64) -> i64", "", "", "performance-1x")
FLAME_PLUGIN_C("big", "1.0", FUNCTIONS)
C
  gcc -fPIC -shared -I"$FLAME_PREFIX/include" big.c -o big.so
}
guests() { machines | jq -r '[.[] | .name + " " + .config.guest.cpu_kind + "-\(.config.guest.cpus)x:\(.config.guest.memory_mb)"] | sort | join(", ")'; }

@test "fly guest: --guest, else the function's wish where the pool's own is too small, else the pool's own" {
  fly_start
  pool
  big_plugin
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(guests)" "flame-default-0 shared-1x:256"
  expect 0 flame run big.so big 7; same "$out" 7
  expect 0 flame run --guest shared-cpu-2x big.so big 8; same "$out" 8
  same "$(guests)" "flame-default-0 shared-1x:256, flame-default-performance-1x-0 performance-1x:2048, flame-default-shared-cpu-2x-0 shared-2x:512"
  # All are warm now, for each of the three; other verbs reach them by their guest.
  before=$(requests)
  expect 0 flame run "$samples/math.so" add 100 20
  expect 0 flame run big.so big 7
  same "$(seq 3 | flame map big.so big)" "$(seq 3)"
  same "$(seq 3 | flame map --guest shared-cpu-2x "$samples/math.so" add 1)" "$(seq 2 4)"
  same "$(requests)" "$before"
  same "$(flame pool status --guest performance-1x --json | jq -r '.[].guest')" performance-1x
  same "$(flame pool status --pool default-performance-1x --json | jq -r '.[] | .name + " \(.current)"')" "flame-default-performance-1x-0 true"
  expect 125 flame pool status --pool default-huge; holds "$err" "there is no pool 'default-huge'"
  expect 0 flame pool warm --guest performance-1x; same "$out$err" ""
  # A detached call is found without a hint, too.
  expect 0 flame run --detach big.so big 9; id=$out
  rm -r "$XDG_RUNTIME_DIR/flame/hints"
  expect 0 flame wait "$id"; same "$out" 9
  expect 0 flame pool destroy --yes --guest performance-1x
  expect 0 flame pool warm --guest shared-cpu-4x
  same "$(guests)" "flame-default-0 shared-1x:256, flame-default-shared-cpu-2x-0 shared-2x:512, flame-default-shared-cpu-4x-0 shared-4x:1024"
  for guest in shared-cpu-2x shared-cpu-4x; do expect 0 flame pool destroy --yes --guest $guest; done
  expect 0 flame pool destroy --yes
  # A pool that is large enough serves both.
  pool 'guest = "performance-2x"'
  expect 0 flame run "$samples/math.so" add 100 20
  expect 0 flame run big.so big 7
  same "$(guests)" "flame-default-0 performance-2x:4096"
}

@test "fly guest: a size that Fly has not is refused before any request, with the nearest that it has" {
  fly_start
  pool
  before=$(requests)
  for command in "run --guest performance-3x $samples/math.so add 1 2" "map --guest performance-3x $samples/math.so add 1" "pool warm --guest performance-3x"; do
    expect 125 flame $command <<<5
    holds "$err" "Fly has no guest 'performance-3x'"; holds "$err" "the nearest that it has is 'performance-4x'"
  done
  same "$(requests)" "$before"
  expect 125 flame run --guest shared-cpu-2x --inline "$samples/math.so" add 1 2; holds "$err" "exclude each other"
  FLAME_BACKEND=local expect 125 flame run --guest shared-cpu-2x "$samples/math.so" add 1 2; holds "$err" "one size"
  expect 125 flame pool gc --guest shared-cpu-2x; holds "$err" "--guest is for"
}
