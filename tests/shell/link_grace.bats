#!/usr/bin/env bats
# A lost link that is made again keeps its calls: a relay (cutter.py) between flame and a runner on TCP cuts and bars the way.
load common
load fly
# Workers of a runner on TCP may be another user.
setup() { common_setup; chmod 711 "$work"; }
teardown() {
  [ -z "${cutter:-}" ] || kill "$cutter" 2>/dev/null || true
  if [ -n "${emulator:-}" ]; then fly_teardown; else common_teardown; fi
}

# through_cutter [LINE…]: a warm pool of one runner that is reached through cutter.py only; lines for its flame.toml.
through_cutter() {
  mkdir bin cut counts
  chmod 777 counts
  cp "$BATS_TEST_DIRNAME/tcp_backend.bash" bin/flame-backend-tcp
  python3 "$BATS_TEST_DIRNAME/cutter.py" "$work/cut" "$XDG_STATE_HOME/flame-default-0.json" 3>&- &
  cutter=$!
  until [ -s cut/port ]; do sleep 0.02; done
  printf '#!/bin/bash\nflame-backend-tcp | sed -u "s|\\"tcp\\":\\"[^\\"]*|\\"tcp\\":\\"127.0.0.1:%s|"\n' "$(cat cut/port)" >bin/flame-backend-own
  chmod +x bin/*
  export PATH=$work/bin:$PATH FLAME_BACKEND=own
  printf '[pool.default]\n' >flame.toml
  printf '%s\n' "$@" >>flame.toml
  flame pool warm
  mkfifo gate runner.log 2>/dev/null || true
}
# The relay has done it.
order() {
  local before; before=$(wc -l <cut/log)
  echo "$*" >cut/orders
  until tail -n +$((before + 1)) cut/log | grep -q "^$1 done"; do sleep 0.02; done
}
runner() { curl -sS -H "Authorization: Bearer a-token-for-these-tests-only-0123456789" "http://$(jq -r .address.tcp state/flame-default-0.json)$1"; }
running() { runner /v1/info | jq '[.in_flight[] | select(.state == "running")] | length'; }
await_running() { until [ "$(running)" = "$1" ]; do sleep 0.02; done; }
opened() { grep -c '^open' cut/log; }

@test "cut in mid-call: the call goes on, ran once, and --verbose tells of it" {
  through_cutter
  flame run --verbose "$plugins/faults.so" count_hold "$work/counts/one" "$work/gate" >out 2>err & local call=$!
  await_running 1
  local before; before=$(opened)
  order cut
  until [ "$(opened)" -gt "$before" ]; do sleep 0.02; done
  : >gate
  wait $call
  same "$(cat out)" 1
  same "$(stat -c %s counts/one)" 1
  holds "$(cat err)" "flame: the link to the runner was lost; it is made again"
  holds "$(cat err)" "flame: the link to the runner is there again"
}

@test "the result comes while the link is down, and is fetched by the next" {
  through_cutter
  flame run "$plugins/faults.so" count_hold "$work/counts/one" "$work/gate" >out 2>err & local call=$!
  await_running 1
  order away
  : >gate
  await_running 0
  same "$(cat out)" ""
  order back
  wait $call
  same "$(cat out)" 1
  same "$(cat err)" ""
}

@test "cut in mid-stream, both ways, again and again: every byte once" {
  through_cutter
  head -c 6000000 /dev/urandom | base64 -w 100 | tr a-z A-Z >big
  order seeded 3 12 3000 1000000
  flame run "$samples/text.so" upper <big >out 2>err
  cmp big out
  same "$(cat err)" ""
  [ "$(grep -c '^cut$' cut/log)" -eq 12 ]
}

@test "a result and an argument of many MiB, cut on their way: whole" {
  through_cutter
  head -c 9000000 /dev/urandom >big
  order seeded 4 8 3000 3000000
  flame run "$plugins/faults.so" echo_bytes @big >out
  cmp big out
  [ "$(grep -c '^cut$' cut/log)" -ge 5 ]
}

@test "map of 1,000 items, its link cut 40 times: each item once, none ran twice" {
  through_cutter
  local i
  for i in $(seq 1000); do echo "$work/counts/$i"; done >in
  order seeded 5 40 2500 3500
  flame map --verbose "$plugins/faults.so" count <in >out 2>err || { cat err; return 1; }
  same "$(sort -u out)" 1
  same "$(wc -l <out)" 1000
  same "$(ls counts | wc -l) $(cat counts/* | wc -c)" "1000 1000"
  [ "$(grep -c '^cut$' cut/log)" -ge 10 ]
}

@test "longer than the grace: fate unknown, status 125, and the runner has cancelled the call" {
  through_cutter 'link_grace = "300ms"'
  flame run --cause-fd 5 "$plugins/faults.so" count_hold "$work/counts/one" "$work/gate" >out 2>err 5>cause & local call=$! status=0
  await_running 1
  order away
  wait $call || status=$?
  same "$status" 125
  same "$(jq -r '.kind + " " + .fate' cause)" "lost unknown"
  holds "$(cat err)" "the link could not be made again"
  await_running 0
  holds "$(runner /metrics)" 'end="abandoned"} 1'
}

@test "link_grace = 0: a lost link ends its calls, as on a Unix socket" {
  through_cutter 'link_grace = 0'
  flame run "$plugins/faults.so" count_hold "$work/counts/one" "$work/gate" >out 2>err & local call=$! status=0
  await_running 1
  order cut
  wait $call || status=$?
  same "$status" 125
  await_running 0
}

@test "a runner whose process is gone is not waited for" {
  through_cutter
  FLAME_BACKEND=tcp flame run --cause-fd 5 "$plugins/faults.so" count_hold "$work/counts/one" "$work/gate" >out 2>err 5>cause & local call=$! status=0
  await_running 1
  kill -9 "$(jq .pid state/flame-default-0.json)"
  wait $call || status=$?
  same "$status" 125
  holds "$(cat err)" "Connection refused"
  same "$(jq -r '.kind + " " + .fate' cause)" "lost unknown"
}

@test "a client that is killed: its call is cancelled after the grace, another's goes on" {
  through_cutter 'link_grace = "300ms"'
  mkfifo other
  flame run "$plugins/faults.so" count_hold "$work/counts/one" "$work/gate" >/dev/null 2>&1 & local call=$!
  flame run "$plugins/faults.so" count_hold "$work/counts/two" "$work/other" >out & local second=$!
  await_running 2
  kill -9 $call
  await_running 1
  : >other
  wait $second
  same "$(cat out)" 1
}

@test "who leaves says so: a reader that goes stops what runs at once, although the grace is long" {
  through_cutter 'link_grace = "1h"'
  export FLAME_BACKEND=tcp  # a relay may drop our last words when it finds that nobody reads
  flame run "$plugins/faults.so" flood 2>err | head -c 1 >/dev/null
  await_running 0
  printf '%s\n' 0 3600000 | flame map "$plugins/faults.so" sleep_ms 2>>err | head -1
  await_running 0
  same "$(cat err)" ""
  # The second signal leaves at once; the first has asked a call that does not hear.
  flame run "$plugins/faults.so" hold "$work/gate" 2>/dev/null & local call=$!
  await_running 1
  kill -TERM $call
  wait $call || true
  await_running 0
}

# A runner of its own; $address.
start() {
  export TOKEN=a-token-for-these-tests-only-0123456789 PYTHONDONTWRITEBYTECODE=1
  mkfifo runner.fifo gate
  FLAME_SECRET=$TOKEN flame-runner --name "$work/r" --slots 4 --listen 127.0.0.1:0 "$@" 2>runner.fifo 3>&- &
  pid=$!
  exec 7<runner.fifo
  read -r line <&7
  cat <&7 >>runner.log 3>&- &
  exec 7<&-
  address=$(jq -r .tcp <<<"$line")
}
peer() { python3 "$BATS_TEST_DIRNAME/../wire/resumption.py" "$1" "$address" "$plugins" "$work/gate"; }
ended() { kill -TERM "$pid"; local got=0; wait "$pid" || got=$?; same "$got" 0; }

@test "a stranger's client takes a living session over, and gets what it lacks" { start; peer taken_over; ended; }
@test "without the token nobody takes a session over" { start; peer trust; ended; }
@test "a link that is lost between hello and auth: the session begins with the next one" { start; peer too_early; ended; }
@test "counts that lie: more than was sent, less, half a frame, negative, huge, no number" { start; peer lies; peer told_lies; ended; }
@test "names of sessions: in use, unknown, ended by a close" { start; peer names; ended; }

@test "so many sessions wait and no more; a second SIGTERM lets them go" {
  start --link-grace-ms 3600000
  peer many
  until [ "$(grep -c '"session_waits"' runner.log)" = 64 ] && grep -q 'too many wait' runner.log; do sleep 0.05; done
  kill -TERM "$pid"
  until grep -q '"draining"' runner.log; do sleep 0.05; done
  ended
  same "$(grep -c '"session_ended"' runner.log)" 65
}

@test "fly: a machine that is suspended and resumed in mid-call: its connections are reset, the call goes on" {
  fly_environment
  fly_start
  pool
  flame run --verbose "$plugins/faults.so" sleep_ms 2500 >out 2>err & local call=$!
  until flame pool status --json | jq -e '.[0].busy == 1' >/dev/null; do kill -0 $call; sleep 0.05; done
  local machine; machine=$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines/$(machines | jq -r '.[0].id')
  ask_machine() { curl -sSf --retry 9 -X POST -H "Authorization: Bearer $FLY_API_TOKEN" "$machine/$1" >/dev/null; }
  await_state() { until [ "$(machines | jq -r '.[0].state')" = "$1" ]; do sleep 0.1; done; }
  ask_machine suspend; await_state suspended
  ask_machine start; await_state started
  wait $call
  same "$(cat out)" 2500
  holds "$(cat err)" "the link to the runner is there again"
}

@test "SIGTERM while a session waits: its call is finished and its client gets it; without the client the runner leaves after the grace" {
  through_cutter 'link_grace = "2s"'
  local runner_pid; runner_pid=$(jq .pid state/flame-default-0.json)
  flame run "$plugins/faults.so" count_hold "$work/counts/one" "$work/gate" >out 2>err & local call=$!
  await_running 1
  order away
  kill -TERM "$runner_pid"
  order back
  : >gate
  wait $call
  same "$(cat out)" 1
  until ! kill -0 "$runner_pid" 2>/dev/null || grep -q '^State:.Z' "/proc/$runner_pid/status" 2>/dev/null; do sleep 0.05; done
  flame pool warm
  runner_pid=$(jq .pid state/flame-default-0.json)
  flame run "$plugins/faults.so" hold "$work/gate" >out 2>err & call=$!
  await_running 1
  kill -9 $call
  kill -TERM "$runner_pid"
  until ! kill -0 "$runner_pid" 2>/dev/null || grep -q '^State:.Z' "/proc/$runner_pid/status" 2>/dev/null; do sleep 0.05; done
}
