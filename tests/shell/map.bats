#!/usr/bin/env bats
# flame map: items in, results out, order, formats.
load common
setup() { common_setup; }
teardown() { common_teardown; }

math() { flame map "$samples/math.so" "$@"; }

@test "one result a line, in the order of the input" {
  seq 1 20000 >in
  math add 1 <in >got
  awk '{print $1 + 1}' in | cmp - got
  same "$(seq 1 10 | math is_prime | tr '\n' ' ')" "false true true false true false true false false false "
}

@test "empty input: nothing is started, nothing printed, status 0" {
  expect 0 flame map "$samples/math.so" is_prime </dev/null
  same "$out$err" ""
  same "$(ours)" ""
}

@test "a failed item: one line on stderr with number and text, the rest goes on, status 123" {
  printf '1\nx\n3' >in
  expect 123 math add 5 <in
  same "$out" $'6\n8'
  same "$(grep -c . "$err_file")" 1
  holds "$err" "item 2 'x': add: parameter 'b' wants f64, got 'x'"
}

@test "wrong usage is 2; a plugin that is not there 127, before any runner" {
  expect 2 flame map --form csv x y; holds "$err" "did you mean '--from'"
  expect 2 flame map --from lines; holds "$err" "wants PLUGIN and FUNCTION"
  expect 2 flame map -I X "$samples/math.so" add 1 </dev/null; holds "$err" "'X' (-I)"
  expect 127 flame map ./nothing.so f </dev/null
  expect 127 flame map "$samples/math.so" ad </dev/null; holds "$err" "did you mean 'add'"
  expect 0 flame map --help; holds "$out" Example
  same "$(ours)" ""
}

@test "the reader goes away: silent, dead of SIGPIPE" {
  seq 1000000 >in
  math add 1 <in 2>err | head -n 1 >got || true
  same "$(cat got err)" 2
  bash -c '"$@" <in 2>err; echo $? >status' _ flame map "$samples/math.so" add 1 | head -n 1 >/dev/null
  same "$(cat status)" 141
}
