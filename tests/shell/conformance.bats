#!/usr/bin/env bats
# flame check --run, the help of functions, and what completion scripts ask.
load common
setup() { common_setup; skew=$plugins/skew; }
teardown() { common_teardown; }

# outcome PLUGIN CASE OPTIONS…: of one case.
outcome() {
  local plugin=$1 name=$2
  shift 2
  flame check --run --json --only "$name" "$@" "$plugin" | jq -r '.cases[0] | .outcome + " " + .text'
}

@test "a good plugin passes, each case by name; the private runner is gone" {
  plain_build_only "a sanitizer keeps freed memory"
  expect 0 flame check --run --repeats 2000 "$samples/math.so"
  holds "$out" "passed   manifest"; holds "$out" "passed   load"; holds "$out" "passed   add/count"; holds "$out" "passed   add/types"
  holds "$out" "passed   mean/result"; holds "$out" "passed   is_prime/repeats: 2000 calls"; holds "$out" " 0 failed"; holds "$out" " 0 crashed"
  same "$(ours)" ""; same "$(find "$XDG_RUNTIME_DIR" ! -type d)" ""
  same "$(flame check --cases "$samples/math.so" | head -4 | paste -sd' ')" "manifest symbols load add/signature"
  expect 0 flame check --run --only 'add/*' --repeats 100 "$samples/math.so"; same "$(wc -l <"$out_file")" 7
  expect 125 flame check --run --only 'nothing/*' "$samples/math.so"; holds "$err" "--cases"
}

@test "outcomes: a wrong result, a crash, growth, cancellation, leaks, a bad signature, ten seconds and more" {
  plain_build_only "a sanitizer keeps freed memory"
  holds "$(outcome "$plugins/faults.so" lie/result)" "failed lie:"
  holds "$(outcome "$plugins/faults.so" segfault/result)" "crashed "
  holds "$(outcome "$plugins/faults.so" exit_zero/result)" "crashed "
  holds "$(outcome "$plugins/faults.so" polite/cancel)" "passed"
  holds "$(outcome "$plugins/faults.so" deaf/cancel)" "warned it did not ask cancelled()"
  holds "$(outcome "$plugins/faults.so" fail_with/result)" "passed it refused [1]"
  holds "$(outcome "$plugins/faults.so" deaf/result --case-timeout 300ms)" "skipped it runs longer than 300 ms"
  holds "$(outcome "$skew/grows.so" grows/repeats)" "failed its worker grew: 10000 calls"
  holds "$(outcome "$samples/math.so" fib/repeats)" "passed 10000 calls"
  holds "$(outcome "$plugins/abi_lies.so" load)" "failed"
  holds "$(outcome "$skew/leaky.so" symbols)" "warned it exports 2 more symbols"
  expect 126 flame check --run "$skew/bad_signature.so"; holds "$out" "failed   one/signature"; holds "$out" "failed   load"
  expect 126 flame check --run --only segfault/result "$plugins/faults.so"
  expect 126 flame check --run "$plugins/no_entry.so"; same "$(ours)" ""
}

@test "a plugin that takes what it should refuse: too many arguments, too few, wrong types" {
  expect 126 flame check --run --only 'one/*s' "$plugins/takes_all.so"
  holds "$(outcome "$plugins/takes_all.so" one/count)" "failed it took one argument too many: [1,1]"
  holds "$(outcome "$plugins/takes_all.so" one/types)" "failed it took a wrong type for 'a': [\"no number and no truth\"]"
  holds "$(outcome "$plugins/takes_all.so" one/result)" "passed"
}

@test "help of a function, typed, before or behind the plugin" {
  expect 0 flame run "$samples/math.so" --help-function add; same "$err" ""
  holds "$out" "add(a: f64, b: f64) -> f64"; holds "$out" "Sum of a and b."; holds "$out" " add A B"; holds "$out" "a  f64  a number"
  holds "$out" "It prints f64."; holds "$out" "Example: flame run $samples/math.so add 1.5 1.5"
  first=$out; expect 0 flame run --help-function "$samples/math.so" add; same "$out" "$first"
  expect 127 flame run --help-function "$samples/math.so" ad; holds "$err" "did you mean 'add'?"
  expect 125 flame run --help-function "$samples/math.so"
  expect 0 flame run --help-function "$skew/hostile_texts.so" one; holds "$out" '\x1b[2J'
  same "$(ours)" ""
}

@test "completion: functions, parameters; nothing where there is nothing to say" {
  for words in "run $samples/math.so" "map -q --from lines $samples/math.so"; do
    same "$(flame __complete $words "" | cut -f1 | paste -sd' ')" "add mul is_prime fib mean"
    same "$(flame __complete $words add 1 "")" ":hint b: f64"
    same "$(flame __complete $words add 1 2 "")" ""
  done
  same "$(flame __complete run --fresh=)$(flame __complete run x.so --fr)" ""
  same "$(flame __complete run -- --fr)" ":files "   # what is no option is a plugin
  holds "$(flame __complete check --against deb)" debian:12
  expect 0 flame __complete run ./nothing.so ""; same "$out$err" ""
  expect 0 flame __complete run "$samples/math.so" nothing ""; same "$out$err" ""
  sed 's/is_prime/is;prime/g' "$samples/math.so" >odd.so   # a shell would take it for two commands
  same "$(flame __complete run ./odd.so "" | cut -f1 | paste -sd' ')" "add mul fib mean"
}
