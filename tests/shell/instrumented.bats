#!/usr/bin/env bats
# Plugins that were built with a sanitizer: its report comes to the caller.
load common
setup() {
  common_setup
  cat >bad.c <<'C'
#include <flame/plugin.h>
#include <limits.h>
#include <stdlib.h>
static int over(flame_call *call) {
  volatile char *volatile room = malloc(8);
  const char c = room[8]; /* over */
  free((void *)room);
  return call->host->result_i64(call, c);
}
static int overflow(flame_call *call) {
  volatile int most = INT_MAX;
  volatile int sum = most + 1; /* overflow */
  return call->host->result_i64(call, sum);
}
static int fine(flame_call *call) { return call->host->result_i64(call, 42); }
#define FUNCTIONS(F) F(over, "() -> i64", "", "", "") F(overflow, "() -> i64", "", "", "") F(fine, "() -> i64", "", "", "")
FLAME_PLUGIN_C("bad", "1.0", FUNCTIONS)
C
}
teardown() { common_teardown; }

build() { gcc -g -O1 -shared -fPIC -I"$FLAME_PREFIX/include" "$@" bad.c -o bad.so; }
line_of() { grep -n "/\* $1 \*/" bad.c | cut -d: -f1; }

@test "AddressSanitizer: its report, with lines, then the crash with the report's own words" {
  plain_build_only "two sanitizers do not share a process"
  build -fsanitize=address
  expect 0 flame run ./bad.so fine; same "$out" 42; same "$err" ""
  expect 134 flame run ./bad.so over; same "$out" ""
  holds "$err" "ERROR: AddressSanitizer: heap-buffer-overflow on address"
  holds "$err" "in over $work/bad.c:$(line_of over)"
  holds "$err" "is located 0 bytes"
  holds "$err" "flame: bad.so: over died of SIGABRT (AddressSanitizer: heap-buffer-overflow"
  holds "$err" "over at bad.c:$(line_of over)"
  expect 0 flame run ./bad.so fine; same "$out" 42
  # By the call's own worker too.
  expect 134 flame run --inline ./bad.so over; holds "$err" "ERROR: AddressSanitizer: heap-buffer-overflow"
}

@test "UndefinedBehaviorSanitizer: it tells and goes on, or ends the worker where the plugin was built so" {
  plain_build_only "two sanitizers do not share a process"
  build -fsanitize=undefined
  expect 0 flame run ./bad.so overflow; same "$out" -2147483648
  holds "$err" "bad.c:$(line_of overflow):"; holds "$err" "runtime error: signed integer overflow: 2147483647 + 1"
  build -fsanitize=undefined -fno-sanitize-recover=all
  expect 125 flame run ./bad.so overflow; same "$out" ""
  holds "$err" "runtime error: signed integer overflow"; holds "$err" "flame: "
}
