#!/usr/bin/env bats
# flame map when things die: Ctrl-C, SIGKILL and --resume, workers and runners. FLAME_MAP_ROUNDS gives the number of
# rounds of each (10 without; the whole proof is 200, 50 and 100), FLAME_MAP_SEED the random moments.
load common
setup() { common_setup; rounds=${FLAME_MAP_ROUNDS:-10}; RANDOM=${FLAME_MAP_SEED:-7}; }
teardown() { common_teardown; }

# Waits until the file has so many lines, or the process is gone.
await_lines() { while [ "$(wc -l <"$1" 2>/dev/null || echo 0)" -lt "$2" ] && kill -0 "$3" 2>/dev/null; do sleep 0.002; done; }

# Each of 1…N exactly once, in order.
each_once() { seq "$2" | cmp - "$1"; }

@test "Ctrl-C at random moments: what was printed is whole and in order, logged, and --resume does the rest" {
  seq 3000 >in
  flame pool warm
  for ((round = 0; round < rounds; ++round)); do
    rm -f log out
    timeout -k 1 60 flame map --joblog log "$plugins/faults.so" echo_i64 <in >out 2>err & pid=$!
    flame=$(pgrep -P "$pid" flame || true)
    await_lines out $((RANDOM % 2500)) "$pid"
    kill -INT "${flame:-$pid}" 2>/dev/null || true
    status=0; wait "$pid" || status=$?
    [ "$status" -eq 130 ] || [ "$status" -eq 0 ] || { echo "status $status"; cat err; return 1; }
    [ "$status" -eq 0 ] || holds "$(cat err)" "--resume"
    n=$(wc -l <out); each_once out "$n"
    same "$(tail -n +2 log | wc -l)" "$n"
    timeout -k 1 60 flame map --joblog log --resume "$plugins/faults.so" echo_i64 <in >>out
    each_once out 3000
  done
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
    kill -INT "$flame"; read -r line <&8; holds "$line" "cancelling"
    [ "$times" = 2 ] || kill -INT "$flame"
    status=0; wait "$pid" || status=$?
    same "$status" 130; same "$(cat out)" ""
    until [ "$(flame pool status --json | jq '.[0].busy')" = 0 ]; do sleep 0.05; done
    exec 8<&-
  done
}

@test "SIGKILL at random moments and --resume: every result at least once, no logged item runs again" {
  seq 1 400 >numbers; sed "s,.*,$work/n/&," numbers >in; printf "%s\n" "$work/n/twice" "$work/n/twice" >>in
  for ((round = 0; round < rounds; ++round)); do
    rm -rf n log out; mkdir n; : >out
    for ((run = 0; run < 3; ++run)); do
      timeout -k 1 60 flame map --joblog log --resume --tag "$plugins/faults.so" count <in >>out & pid=$!
      until flame=$(pgrep -P "$pid" flame) || ! kill -0 "$pid" 2>/dev/null; do :; done
      await_lines out $((run * 100 + RANDOM % 200)) "$pid"
      kill -KILL "$flame" 2>/dev/null || true
      wait "$pid" || true
      # What is logged now may not run again: remember how often it had run.
      (cd n; for f in $(tail -n +2 ../log | cut -f 9 | grep -v twice | sed 's,.*/,,' | sort -u); do echo "$f $(wc -c <"$f")"; done) >"logged.$run"
    done
    timeout -k 1 60 flame map --joblog log --resume --tag "$plugins/faults.so" count <in >>out
    same "$(cut -f 1 out | sort -u | wc -l)" 401
    same "$(tail -n +2 log | wc -l)" 402
    for run in 0 1 2; do while read -r f size; do same "$f $(wc -c <"n/$f")" "$f $size"; done <"logged.$run"; done
  done
}

@test "a worker is killed at random moments: its item fails as crashed, every other is done exactly once" {
  mkdir n; seq 5000 | sed "s,.*,$work/n/&," >in
  flame pool warm
  hits=0
  for ((round = 0; round < rounds || (hits == 0 && round < 10 * rounds); ++round)); do
    rm -rf n; mkdir n
    timeout -k 1 60 flame map --joblog log.$round --tag "$plugins/faults.so" count <in >out 2>err & pid=$!
    await_lines out $((RANDOM % 1000)) "$pid"
    workers=$(pgrep -P "$(flame pool status --json | jq '.[0].pid')" || true)
    kill -KILL $(printf '%s\n' $workers | sed -n "$((RANDOM % 2 + 1))p") 2>/dev/null || true
    status=0; wait "$pid" || status=$?
    failed=$(grep -c '^flame: item' err || true)
    [ "$status" -eq 0 ] && same "$failed" 0 || { same "$status" 123; [ "$failed" -le 1 ]; }
    hits=$((hits + failed))
    # Done and failed together are all; whatever is done ran once.
    same $(($(wc -l <out) + failed)) 5000
    cut -f 1 out | xargs wc -c | grep -v total | awk '$1 != 1 {print; bad = 1} END {exit bad}'
  done
  [ "$hits" -gt 0 ]   # or nobody was ever killed at work
}

@test "a runner is killed at random moments: an idempotent function has every result once, in order" {
  seq 3000 >in
  for ((round = 0; round < rounds; ++round)); do
    flame pool warm
    timeout -k 1 100 flame map "$samples/math.so" add 0 <in >out 2>err & pid=$!
    await_lines out $((RANDOM % 2500)) "$pid"
    kill -KILL "$(flame pool status --json | jq '.[0].pid')" 2>/dev/null || true
    wait "$pid" || { cat err; return 1; }
    each_once out 3000
  done
}

@test "a runner is killed under a function that may not be repeated: each item is done, or said to be lost" {
  mkdir n; seq 2000 | sed "s,.*,$work/n/&," >in
  for ((round = 0; round < rounds; ++round)); do
    rm -rf n; mkdir n
    flame pool warm
    timeout -k 1 100 flame map --tag "$plugins/faults.so" count <in >out 2>err & pid=$!
    await_lines out $((RANDOM % 1500)) "$pid"
    kill -KILL "$(flame pool status --json | jq '.[0].pid')" 2>/dev/null || true
    status=0; wait "$pid" || status=$?
    failed=$(grep -c '^flame: item.*may have begun' err || true)
    same $(($(wc -l <out) + failed)) 2000
    find n -type f -size +1c | grep . && return 1   # nothing ran twice
    true
  done
}
