#!/usr/bin/env bats
# Each example of flame-map(1), run as it stands in the page.
load common
setup() {
  common_setup
  cp "$samples/math.so" "$samples/text.so" .
  printf 'a b\n' >one.txt; printf 'c d e\n' >'two words.txt'
  printf 'b,a\n1,2\n3,4\n' >table.csv
  page=$BATS_TEST_DIRNAME/../../man/flame-map.1.scd
  sed -n '/^# EXAMPLES/,/^# SEE/p' "$page" | grep -P '^\t' | sed 's/^\t//; s/\\\(.\)/\1/g' >recipes
}
teardown() { common_teardown; }

@test "every recipe of the man page does what its heading says" {
  same "$(wc -l <recipes)" 7
  mapfile -t recipe <recipes
  expect 0 bash -c "${recipe[0]}"; same "$(sed -n 7p "$out_file")" $'7\ttrue'; same "$(wc -l <"$out_file")" 20
  expect 0 bash -c "${recipe[1]}"; same "$(sort "$out_file")" $'./one.txt\t1\n./two words.txt\t2'
  expect 0 bash -c "${recipe[2]}"; same "$out" $'2\n3'
  expect 0 bash -c "${recipe[3]}"; same "$(jq -c '[.item,.result]' "$out_file")" $'["1,2",3]\n["3,4",7]'
  expect 123 bash -c "${recipe[4]}"; same "$(wc -l <log)" 1001
  expect 0 bash -c "${recipe[4]}"; same "$out" ""
  expect 123 bash -c "${recipe[5]}"; holds "$err" "--halt"
  expect 0 bash -c "${recipe[6]}"; same "$(cat upper/1 upper/2)" $'A B\nC D E'
}
