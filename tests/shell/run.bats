#!/usr/bin/env bats
# flame run: results, words, streams, exit statuses, faults.
load common
setup() { common_setup; }
teardown() { common_teardown; }

@test "the main job: add 100 20 is 120, on a line of its own" {
  expect 0 flame run "$samples/math.so" add 100 20
  same "$(cat "$out_file"; echo .)" "120
."
  same "$err" ""
}

@test "numbers print as JavaScript prints them" {
  expect 0 flame run "$samples/math.so" add 0.05 0.05; same "$out" 0.1
  expect 0 flame run "$samples/math.so" mul 1e20 10; same "$out" 1e+21
  expect 0 flame run "$samples/math.so" mul 1e20 1; same "$out" 100000000000000000000
  expect 0 flame run "$samples/math.so" mul 1e-7 1; same "$out" 1e-7
  expect 0 flame run "$samples/math.so" mul 123456.75 1; same "$out" 123456.75
  expect 0 flame run "$samples/math.so" add inf 1; same "$out" '"Infinity"'
  expect 0 flame run "$samples/math.so" mul -1 0; same "$out" 0
}

@test "words are converted by the parameter's type and belong to the function" {
  expect 0 flame run "$plugins/faults.so" echo_string 007; same "$out" '"007"'
  expect 0 flame run --raw "$plugins/faults.so" echo_string 'a"b'; same "$out" 'a"b'
  expect 0 flame run "$plugins/faults.so" echo_string --timeout; same "$out" '"--timeout"'
  expect 0 flame run "$plugins/faults.so" echo_i64 -9223372036854775808; same "$out" -9223372036854775808
  expect 0 flame run "$samples/math.so" mean '[1,2,6]'; same "$out" 3
  expect 0 flame run --json-args "$samples/math.so" add 1 2.5; same "$out" 3.5
  expect 0 flame run "$plugins/faults.so" nothing; same "$out" ""
}

@test "wrong arguments name function, parameter, expected and given; nothing on stdout" {
  expect 125 flame run "$samples/math.so" add 1; same "$out" ""; holds "$err" "add: takes 2 arguments"
  expect 125 flame run "$samples/math.so" add 1 two; holds "$err" "add: parameter 'b' wants f64, got 'two'"
  expect 125 flame run "$plugins/faults.so" echo_i64 9223372036854775808; holds "$err" "out of range"
  expect 125 flame run "$plugins/faults.so" echo_string $'\xff'; holds "$err" UTF-8
  same "$out" ""
}

@test "bytes: @file, -, empty, binary; @@ for a word that begins with @" {
  head -c 3000000 /dev/urandom >in.bin
  expect 0 flame run "$plugins/faults.so" echo_bytes @in.bin; cmp in.bin "$out_file"
  flame run "$plugins/faults.so" echo_bytes - <in.bin | cmp in.bin -
  : >empty
  expect 0 flame run "$plugins/faults.so" echo_bytes @empty; [ ! -s "$out_file" ]
  expect 0 flame run "$plugins/faults.so" echo_string @@home; same "$out" '"@home"'
  expect 125 flame run "$plugins/faults.so" echo_bytes @missing; holds "$err" missing
}

@test "streams: stdin through a function to stdout; none with -n" {
  seq 100000 | sed 's/$/ abc/' >in.txt
  flame run "$samples/text.so" upper <in.txt >got.txt
  tr a-z A-Z <in.txt | cmp - got.txt
  expect 0 flame run -n "$samples/text.so" upper; same "$out" ""
  same "$(printf '1\n2\n' | while read -r n; do flame run -n "$samples/math.so" add "$n" 10; done | tr '\n' ' ')" "11 12 "
}

@test "the function's own failure: its code; its escapes are shown, not obeyed" {
  expect 7 flame run "$plugins/faults.so" fail_with 7; same "$out" ""
  holds "$err" '\x1b[2J'
  expect 1 flame run "$plugins/faults.so" fail_with 200
  expect 1 flame run "$plugins/faults.so" lie; holds "$err" "bool where i64"
}

@test "stray prints reach stderr; the environment is only what --env names" {
  expect 0 flame run "$plugins/faults.so" chatter; same "$out" 1
  holds "$err" "said on stdout"; holds "$err" "said on stderr"
  SECRET=mine expect 0 flame run "$plugins/faults.so" env SECRET; same "$out" null
  expect 0 flame run --env SECRET=given "$plugins/faults.so" env SECRET; same "$out" '"given"'
  expect 0 flame run "$plugins/faults.so" env SECRET; same "$out" null
}

@test "SIGSEGV 139, abort 134, exit(0) 125, while four other calls finish" {
  flame pool warm
  for fault in "139 segfault" "134 abort_" "125 exit_zero"; do
    pids=()
    for i in 1 2 3 4; do flame run "$plugins/faults.so" sleep_ms 200 >/dev/null & pids+=($!); done
    expect ${fault% *} flame run --cause-fd 3 "$plugins/faults.so" ${fault#* } 3>cause.json
    same "$out" ""; same "$(jq -r .fate cause.json)" crashed
    for pid in "${pids[@]}"; do wait "$pid"; done
  done
  for _ in $(seq 50); do expect 139 flame run "$plugins/faults.so" segfault; done
  expect 0 flame run "$samples/math.so" add 1 2
}

@test "a deadline: 124, with a grandchild that called setsid" {
  expect 124 flame run --timeout 500ms "$plugins/faults.so" orphan "$work/pid"
  pid=$(cat "$work/pid")
  ! kill -0 "$pid" 2>/dev/null
}

@test "a full disk, a closed pipe, a runner killed in mid-call" {
  expect 125 bash -c 'flame run "$1" add 1 2 >/dev/full' _ "$samples/math.so"; holds "$err" 'No space left'
  flame run "$plugins/faults.so" flood | head -c1 >/dev/null
  pid=$(flame pool status --json | jq '.[0].pid')
  (sleep 0.5; kill -9 "$pid") &
  expect 125 flame run --cause-fd 3 "$plugins/faults.so" sleep_ms 5000 3>cause.json
  same "$(jq -r '.kind + " " + .fate' cause.json)" "lost unknown"
  wait
  expect 0 flame run "$samples/math.so" add 1 2
}

@test "curl alone can call a function" {
  flame pool warm
  sock=$(flame pool status --json | jq -r '.[0].address.unix')
  same "$(curl -s --unix-socket "$sock" http://flame/v1/run -d "{\"path\":\"$samples/math.so\",\"function\":\"add\",\"args\":[100,20]}")" '{"result":120}'
}

@test "twenty first calls at once: one runner, all succeed; a stale socket about" {
  for round in 1 2 3; do
    for i in $(seq 20); do flame run "$samples/math.so" add "$i" 1 >"out.$i" 2>"err.$i" & done
    wait
    for i in $(seq 20); do same "$(cat "out.$i" "err.$i")" $((i + 1)); done
    pid=$(flame pool status --json | jq '.[0].pid')
    kill -9 "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
  done
}

@test "a plugin of the image: a function that streams reads stdin, one that does not leaves it alone" {
  same "$(printf abc | flame run "image:$samples/text.so" upper)" ABC
  head -c 1000000 /dev/zero | tr '\0' x | flame run "image:$samples/text.so" upper | cmp - <(head -c 1000000 /dev/zero | tr '\0' X)
  same "$(printf abc | flame run -n "image:$samples/text.so" upper)" ""
  mkfifo silent; exec 6<>silent
  expect 0 flame run "image:$samples/math.so" add 1 2 <&6; same "$out" 3
  exec 6<&-
  same "$(printf abc | { flame run "image:$samples/math.so" add 1 2; cat; })" "3
abc"
}
