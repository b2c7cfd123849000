#!/usr/bin/env bats
# flame map when things die in mid-work: Ctrl-C, SIGKILL and --resume, workers and runners. FLAME_MAP_ROUNDS gives the
# number of rounds of each (3 without; the whole proof is 200, 50 and 100), FLAME_MAP_SEED the random moments.
load common
setup() { common_setup; rounds=${FLAME_MAP_ROUNDS:-3} items=10000; RANDOM=${FLAME_MAP_SEED:-7}; }
teardown() { common_teardown; }

# strike LINES SIGNAL PIDS COMMAND…: see strike.py; sets at and status. Fails when it struck after the work's end.
strike() {
  local lines=$1 signal=$2 pids=$3; shift 3
  read -r at status < <(python3 "$BATS_TEST_DIRNAME/strike.py" "$lines" "$signal" "$pids" in out err "$@")
  [ "$at" != missed ] && [ "$at" -lt "$items" ]
}
# each_round BODY: runs it until it has hit in mid-work as often as there are rounds; a miss is done again, a few times.
each_round() {
  local hits=0 tries=0
  until [ "$hits" -eq "$rounds" ]; do
    [ $((tries += 1)) -le $((5 * rounds)) ] || { echo "hit $hits times in $tries"; return 1; }
    : >out
    if "$@"; then hits=$((hits + 1)); fi
    [ ! -e wrong ] || { cat wrong err; return 1; }
  done
}
wrong() { echo "$*" >wrong; }
runner_pid() { flame pool status --json | jq '.[0].pid'; }
worker_pids() { local nanny; for nanny in $(pgrep -P "$(runner_pid)"); do pgrep -P "$nanny"; done; }
# Each of 1…items once, in order.
each_once() { seq "$items" | cmp -s - out || wrong "out is not 1 to $items"; }

@test "Ctrl-C at random moments: what was printed is whole and in order, logged, and --resume does the rest" {
  seq "$items" >in
  flame pool warm
  one() {
    rm -f log
    strike $((RANDOM % (items * 3 / 4) + 1)) INT self flame map --joblog log "$plugins/faults.so" echo_i64 || return 1
    [ "$status" -eq 130 ] || wrong "status $status"
    grep -q -e '--resume' err || wrong "no way to go on was told"
    local n; n=$(wc -l <out)
    seq "$n" | cmp -s - out || wrong "out is not 1 to $n"
    [ "$(tail -n +2 log | wc -l)" -eq "$n" ] || wrong "$n results, another number logged"
    timeout -k 1 60 flame map --joblog log --resume "$plugins/faults.so" echo_i64 <in >>out || wrong "resume: $?"
    each_once
    [ "$n" -lt "$items" ]
  }
  each_round one
}

@test "the second Ctrl-C cancels what runs, the third leaves at once" {
  yes 60000 | head -n 10 >in
  for times in 2 3; do
    mkfifo said
    timeout -k 1 60 flame map "$plugins/faults.so" sleep_ms <in >out 2>said & pid=$!
    exec 8<said; rm said
    until flame=$(pgrep -P "$pid" flame); do sleep 0.01; done
    until [ "$(flame pool status --json 2>/dev/null | jq '.[0].busy')" = 2 ]; do sleep 0.02; done
    kill -INT "$flame"; read -r line <&8; holds "$line" "stopping"; read -r line <&8; holds "$line" "--joblog"
    until grep -q '^State:.S' "/proc/$flame/status"; do kill -0 "$flame"; done  # it waits, and does not spin
    kill -INT "$flame"; read -r line <&8; holds "$line" "cancelling"
    [ "$times" = 2 ] || kill -INT "$flame"
    status=0; wait "$pid" || status=$?
    same "$status" 130; same "$(cat out)" ""
    until [ "$(flame pool status --json | jq '.[0].busy')" = 0 ]; do sleep 0.05; done
    exec 8<&-
  done
}

# Files of n and their sizes: how often each item ran.
sizes() { find n -type f -printf '%f %s\n' | sort; }

@test "SIGKILL at random moments and --resume: every result at least once, no logged item runs again" {
  # Two items are equal.
  { seq $((items - 2)); echo twice; echo twice; } >numbers; sed "s,.*,$work/n/&," numbers >in
  one() {
    rm -rf n log; mkdir n
    local run hit=1
    for run in 1 2 3; do
      strike $((RANDOM % (items / 4) + 1)) KILL self flame map --joblog log --resume --tag "$plugins/faults.so" count || hit=0
      tail -n +2 log | cut -f 9 | sed 's,.*/,,' | grep -v twice | sort -u >done
      sizes | join - done >before
      [ $((hit)) -eq 0 ] || [ "$status" -eq 137 ] || wrong "status $status"
    done
    timeout -k 1 100 flame map --joblog log --resume --tag "$plugins/faults.so" count <in >>out || wrong "resume: $?"
    sizes | join - done | cmp -s - before || wrong "what was logged ran again"
    # Half a line may be in it, where a write was cut short.
    [ "$(grep -P '\t\d+$' out | cut -f 1 | sort -u | wc -l)" -eq $((items - 1)) ] || wrong "a result is missing"
    [ "$(tail -n +2 log | wc -l)" -eq "$items" ] || wrong "not every item is logged once"
    [ "$(tail -n +2 log | cut -f 1 | sort -u | wc -l)" -eq "$items" ] || wrong "a number is logged twice"
    [ "$hit" -eq 1 ]
  }
  each_round one
}

@test "a worker is killed at random moments: its item fails as crashed, every other is done exactly once" {
  seq "$items" | sed "s,.*,$work/n/&," >in
  one() {
    rm -rf n; mkdir n
    head -n 2000 in | sed 's,.*,/dev/null,' >warm; flame map "$plugins/faults.so" count <warm >warmed
    local failed workers; mapfile -t workers < <(worker_pids)
    strike $((RANDOM % (items * 3 / 4) + 1)) KILL "${workers[$((RANDOM % ${#workers[@]}))]}" flame map --tag "$plugins/faults.so" count || return 1
    failed=$(grep -c '^flame: item' err || true)
    [ "$status" -eq $((failed > 0 ? 123 : 0)) ] || wrong "status $status"
    [ "$failed" -le 1 ] || wrong "$failed failed"
    # Done and failed together are all; whatever is done ran once.
    [ $(($(wc -l <out) + failed)) -eq "$items" ] || wrong "$(wc -l <out) done, $failed failed"
    [ "$(cut -f 1 out | uniq | wc -l)" -eq "$(wc -l <out)" ] || wrong "an item is twice in the output"
    [ -z "$(find n -type f -size +1c)" ] || wrong "an item ran twice"
    crashed=$((crashed + failed))
  }
  crashed=0
  each_round one
  # A worker may rest when it is struck: some more, if nobody was killed at work.
  for _ in $(seq 10); do [ "$crashed" -gt 0 ] || each_round one; done
  [ "$crashed" -gt 0 ]
}

@test "a runner is killed at random moments: an idempotent function has every result once, in order" {
  seq "$items" >in
  one() {
    flame pool warm
    strike $((RANDOM % (items * 3 / 4) + 1)) KILL "$(runner_pid)" flame map "$samples/math.so" add 0 || return 1
    [ "$status" -eq 0 ] || wrong "status $status"
    each_once
  }
  each_round one
}

@test "a runner is killed under a function that may not be repeated: each item is done, or said to be lost" {
  seq "$items" | sed "s,.*,$work/n/&," >in
  one() {
    rm -rf n; mkdir n
    flame pool warm
    strike $((RANDOM % (items * 3 / 4) + 1)) KILL "$(runner_pid)" flame map --tag "$plugins/faults.so" count || return 1
    local failed; failed=$(grep -c '^flame: item.*may have begun' err || true)
    [ $(($(wc -l <out) + failed)) -eq "$items" ] || wrong "$(wc -l <out) done, $failed lost"
    [ "$(cut -f 1 out | uniq | wc -l)" -eq "$(wc -l <out)" ] || wrong "an item is twice in the output"
    [ -z "$(find n -type f -size +1c)" ] || wrong "an item ran twice"
  }
  each_round one
}
