#!/usr/bin/env bats
# Detached calls: run --detach, wait, result, cancel, calls, and what the runner keeps.
load common
load relay
setup() { common_setup; }
teardown() {
  [ -z "${relay:-}" ] || kill "$relay" 2>/dev/null || true
  FLAME_BACKEND=own flame pool destroy --yes >/dev/null 2>&1 || true
  [ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null || true
  common_teardown
}

# start OPTION…: a runner of its own on TCP; $pid, $address; its log in ./log.
start() {
  export TOKEN=a-token-for-these-tests-only-0123456789 PYTHONDONTWRITEBYTECODE=1
  rm -f log.fifo; mkfifo log.fifo
  FLAME_SECRET=$TOKEN flame-runner --name "$work/r" --slots 1 --worker-uid 0 --listen 127.0.0.1:0 "$@" 2>log.fifo &
  pid=$!
  exec 7<log.fifo
  read -r line <&7
  cat <&7 >>log &
  exec 7<&-
  address=$(jq -r .tcp <<<"$line")
}
peer() { python3 "$BATS_TEST_DIRNAME/../wire/detached.py" "$1" "$address" "$plugins" "$work/runs"; }
ends() { local got=0; wait "$pid" || got=$?; pid=; same "$got" "$1"; }

# It is told to leave, and, for it holds ends, told again.
cut() { kill "$pid"; until grep -q '"draining"' log; do :; done; kill "$pid"; ends 0; }

# held NAME: a detached call that runs until `release`; its id in $id.
held() { mkfifo "$1"; id=$(flame run --detach "$plugins/faults.so" hold "$work/$1"); exec 8>"$1"; }
release() { exec 8>&-; }
state() { flame calls --json | jq -r --arg id "$1" '.[] | select(.id == $id).state'; }
runner_log() { cat "$XDG_RUNTIME_DIR"/flame/local-*/flame-default-0.log; }

@test "the wire: sent twice it runs once; half a call is none; limits; cancel and fetch from other links" {
  start --held-max-bytes 200000
  for case in twice half refuse never_begun late cancel sizes rules; do rm -f runs; echo "$case"; peer $case; done
  cut
}

@test "the wire: what another link still sends is not taken twice" {
  start
  peer racing
  cut
}

@test "the wire: all that is kept together has a limit" {
  start --held-total-max-bytes 400000
  peer total
  cut
}

@test "a runner knows 1024 detached calls; what was fetched gives way" {
  start
  peer count_limit
  cut
}

@test "an end that nobody fetched: the runner is not idle until its time is over" {
  start --idle-timeout-ms 300 --held-keep-ms 2000
  (while curl -s "http://$address/healthz"; do :; done) >/dev/null & local busy=$!  # until there is a call
  peer leave_one
  kill "$busy"; wait "$busy" 2>/dev/null || true
  ends 0
  same "$(grep -oE '"event":"(result_dropped|draining|gone)"' log | tr '\n' ' ')" '"event":"result_dropped" "event":"draining" "event":"gone" '
}

@test "run --detach prints an id once the runner has the call; wait ends as run would have" {
  expect 0 flame run --detach "$samples/math.so" add 100 20; same "$err" ""; id=$out
  [[ $id =~ ^[0-9a-hjkmnp-tv-z]{13}$ ]]
  expect 0 flame wait "$id"; same "$out" 120; same "$err" ""
  expect 0 flame wait "$id"; same "$out" 120                       # as often as one likes
  expect 0 flame result "${id:0:6}"; same "$out" 120               # cut short
  expect 0 flame result "$(tr a-z A-Z <<<"$id")" --verbose; same "$out" 120; holds "$err" "flame: run"
  same "$(state "$id")" "done"
  expect 0 flame wait --forget "$id"; same "$out" 120
  expect 125 flame wait "$id"; holds "$err" "does not know the call any more"
  for status in 7 1; do
    id=$(flame run --detach "$plugins/faults.so" fail_with "$status")
    expect "$status" flame wait "$id"; same "$out" ""
  done
  id=$(flame run --detach "$plugins/faults.so" segfault); expect 139 flame wait "$id"; holds "$err" SIGSEGV; holds "$err" segfault
  id=$(flame run --detach --timeout 200ms "$plugins/faults.so" spin); expect 124 flame wait "$id"; holds "$err" "deadline"
  id=$(flame run --detach "$plugins/faults.so" chatter); expect 0 flame wait "$id"; same "$out" 1; holds "$err" "said on stdout"
  expect 0 flame wait -q "$id"; same "$err" ""
  id=$(flame run --detach "$plugins/faults.so" echo_string a)
  expect 0 flame wait --raw "$id"; same "$out" a
}

@test "streams and bytes: all that was read and written is there" {
  head -c 3000000 /dev/urandom | base64 >lines
  id=$(flame run --detach "$samples/text.so" upper <lines)
  flame wait "$id" | cmp - <(tr a-z A-Z <lines)
  head -c 1000000 /dev/urandom >blob
  id=$(flame run --detach "$plugins/faults.so" echo_bytes @blob)
  flame wait "$id" | cmp - blob
}

@test "too large: what is kept of a stream comes, then an error that says so; the call is done" {
  head -c 20000000 /dev/zero | tr '\0' a >big
  id=$(flame run --detach "$samples/text.so" upper <big)
  expect 125 flame wait --cause-fd 9 "$id" 9>cause
  holds "$err" "too large to keep"; holds "$err" 16777216; same "$(jq -r '.kind, .fate' cause | tr '\n' ' ')" "limit done "
  kept=$(stat -c %s "$out_file"); [ "$kept" -gt 16000000 ] && [ "$kept" -lt 16777216 ]; holds "$err" "$kept bytes"
  head -c "$kept" big | tr a A | cmp - "$out_file"
  same "$(state "$id")" limit
}

@test "a call that runs: two wait for it, result says so, a time-out leaves it; a signal ends the waiting only" {
  held one
  expect 124 flame result "$id"; holds "$err" "still runs"; holds "$err" "flame wait $id"
  expect 124 flame wait --timeout 10ms --cause-fd 9 "$id" 9>cause; same "$(jq -r .fate cause)" unknown
  same "$(state "$id")" running
  flame wait "$id" >first 3>&- 8>&- & one=$!
  flame wait "$id" >second 3>&- 8>&- & two=$!
  flame wait "$id" >third 3>&- 8>&- & three=$!
  # Not before it is flame: until then it would be bats that ends.
  until [ "$(cat "/proc/$three/comm")" = flame ]; do sleep 0.02; done
  kill -TERM "$three"; wait "$three" || true
  release
  wait "$one"; wait "$two"
  same "$(cat first second third)" "true
true"
}

@test "cancel: a call that runs, one that waits, one that is over" {
  FLAME_POOL= ; printf '[pool.default]\nslots = 1\n' >flame.toml
  id=$(flame run --detach "$plugins/faults.so" spin)
  until [ "$(state "$id")" = running ]; do :; done
  waits=$(flame run --detach "$samples/math.so" add 1 2)
  same "$(state "$waits")" queued
  expect 0 flame cancel "$waits"; same "$out$err" ""
  expect 0 flame cancel "$id"
  same "$(state "$id") $(state "$waits")" "cancelled cancelled"
  expect 125 flame wait --cause-fd 9 "$id" 9>cause; same "$(jq -r '.kind, .fate' cause | tr '\n' ' ')" "cancelled cancelled "
  expect 125 flame wait --cause-fd 9 "$waits" 9>cause; same "$(jq -r '.kind, .fate' cause | tr '\n' ' ')" "cancelled never_begun "
  expect 125 flame cancel "$id"; holds "$err" "over already"
}

@test "what never began is an ordinary error, and no call is remembered" {
  expect 127 flame run --detach "$samples/math.so" ad 1 2; same "$out" ""
  expect 127 flame run --detach image:/nothing.so add 1 2; same "$out" ""
  expect 125 flame run --detach --inline "$samples/math.so" add 1 2; holds "$err" "--inline"
  expect 125 flame run --detach --raw "$samples/math.so" add 1 2; holds "$err" "flame wait"
  same "$(flame calls --json)" "[]"
  for command in wait result cancel; do
    expect 125 flame $command; holds "$err" "wants"
    expect 125 flame $command 0000000000000; holds "$err" "flame calls"
    expect 125 flame $command no-id; holds "$err" "is no call id"
  done
}

@test "the runner is told to leave: it takes no more, and gives its ends first" {
  printf '[pool.default]\nmax = 1\n' >flame.toml
  held one
  flame pool drain
  second=$(flame run --detach "$samples/math.so" add 1 2)   # by another
  same "$(flame calls --json | jq -r 'map(.runner) | sort | join(" ")')" "flame-default-0 flame-default-1"
  holds "$(runner_log)" '"event":"holding"'
  same "$(state "$id")" running
  release
  expect 0 flame wait "$id"; same "$out" true
  until runner_log | grep -q '"gone"'; do :; done
  expect 125 flame wait "$id"; holds "$err" "has left since the end of the call was fetched (done)"
  same "$(state "$id")" "done"
  expect 0 flame wait --forget "$second"; same "$out" 3
}

@test "the runner is gone: the fate is unknown, and that is said" {
  held one
  kill -9 "$(flame pool status --json | jq '.[0].pid')"; release
  expect 125 flame wait --cause-fd 9 "$id" 9>cause; same "$(jq -r '.kind, .fate' cause | tr '\n' ' ')" "lost unknown "
  holds "$err" "is gone"; holds "$err" "run it again only if"
  same "$(state "$id")" lost
  expect 0 flame run "$samples/math.so" add 1 2
  expect 125 flame wait "$id"; holds "$err" "flame-default-0"
}

@test "records: for their owner alone, no arguments in them, bounded" {
  id=$(flame run --detach "$plugins/faults.so" echo_string a-secret-argument)
  file=$XDG_STATE_HOME/flame/calls/$id
  same "$(stat -c %a "$file")" 600
  ! grep -q a-secret "$file"
  for n in $(seq 1100); do printf 'begun_at_ms %s\n' "$n" >"$XDG_STATE_HOME/flame/calls/$(printf '0000000%06d' "$n")"; done
  expect 125 flame wait 0000000; holds "$err" "several"
  flame run --detach "$samples/math.so" add 1 2 >/dev/null
  same "$(find "$XDG_STATE_HOME/flame/calls" -type f | wc -l)" 2   # the others were of 1970
  expect 0 flame wait --forget "$id"; same "$out" '"a-secret-argument"'
  HOME= XDG_STATE_HOME= expect 125 flame run --detach "$samples/math.so" add 1 2; holds "$err" "XDG_STATE_HOME"
}

@test "over TCP: another shell finds the runner by its hint, and by its engine" {
  mkdir bin; cp "$BATS_TEST_DIRNAME/tcp_backend.bash" bin/flame-backend-tcp
  export PATH=$work/bin:$PATH FLAME_BACKEND=tcp
  id=$(flame run --detach "$samples/math.so" add 1 2)
  (cd / && FLAME_BACKEND= expect 0 flame wait "$id" && same "$out" 3)
  rm -r "$XDG_RUNTIME_DIR/flame/hints"
  expect 0 flame wait "$id"; same "$out" 3
  FLAME_BACKEND=local expect 125 flame wait "$id"; holds "$err" "backend tcp"
  flame wait --forget "$id"
}

@test "a link that is lost before the answer: the call has come, and runs once" {
  mkdir bin
  through_relay cut 1000   # no other message is as long as this call
  expect 0 flame run --detach "$plugins/faults.so" count "$work$(printf '/.%.0s' {1..500})/runs"; same "$err" ""; id=$out
  until grep -q '^1[0-9][0-9][0-9]$' relay.log; do sleep 0.02; done
  expect 0 flame wait --forget "$id"; same "$out" 1
  same "$(stat -c %s runs)" 1
}

@test "cool and a resting pool leave a runner alone that holds an end" {
  id=$(flame run --detach "$samples/math.so" add 1 2)
  until [ "$(state "$id")" = "done" ]; do :; done
  same "$(flame pool status --json | jq '.[0] | [.busy, .queued, .held, .idle_ms]' -c)" "[0,0,1,0]"
  flame pool cool
  same "$(flame pool status --json | jq -r '.[0].state')" ready
  flame wait "$id" >/dev/null
  same "$(flame pool status --json | jq '.[0].held')" 0
  flame pool cool
  expect 125 flame wait "$id"; holds "$err" "has left"
}
