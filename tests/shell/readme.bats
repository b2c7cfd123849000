#!/usr/bin/env bats
# The README's first commands, as typed.
load common
setup() {
  common_setup
  cp "$samples/math.so" "$samples/text.so" .
  printf 'one two three\n' >book.txt
  printf 'b\na\n' >log
  sed -n '1,/^## /p' "$BATS_TEST_DIRNAME/../../README.md" | sed -n 's/^    //p' >typed
}
teardown() { common_teardown; }

@test "each line at the top of the README does what it says" {
  same "$(wc -l <typed)" 4
  mapfile -t line <typed
  expect 0 bash -c "${line[0]}"; same "$out" 120; same "$err" ""
  expect 0 bash -c "${line[1]}"; same "$out" 3
  expect 0 bash -c "${line[2]}"; same "$out" $'A\nB'
  expect 0 bash -c "${line[3]}"
  same "$(wc -l <"$out_file")" 100000; same "$(grep -c true "$out_file")" 9592
}
