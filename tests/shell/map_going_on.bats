#!/usr/bin/env bats
# flame map: the job log, retries, halting, deadlines, full disks.
load common
setup() { common_setup; }
teardown() { common_teardown; }

fmap() { timeout -k 1 120 flame map "$@"; }
fates() { tail -n +2 "$1" | cut -f7 | sort | uniq -c | tr -s ' ' | tr '\n' ';'; }

@test "--joblog: header and a line for each item; --resume runs what is not there, duplicates included" {
  mkdir n; printf "$work/n/%s\n" a b b c >in
  expect 0 fmap --joblog log "$plugins/faults.so" count <in
  same "$(head -n 1 log)" $'seq\tstart\trunner\tms\texit\tsignal\tfate\thash\titem'
  same "$(tail -n +2 log | cut -f 1,3,5,6,7,9 | sed "s,$work/,,")" $'1\tflame-default-0\t0\t0\tdone\tn/a\n2\tflame-default-0\t0\t0\tdone\tn/b\n3\tflame-default-0\t0\t0\tdone\tn/b\n4\tflame-default-0\t0\t0\tdone\tn/c'
  expect 2 fmap --joblog log "$plugins/faults.so" count <in; holds "$err" "--resume"
  printf "$work/n/%s\n" new b c b b a >in   # moved about, one b more
  expect 0 fmap --joblog log --resume "$plugins/faults.so" count <in
  same "$(wc -c n/a n/b n/c n/new | awk '{print $1}' | tr '\n' ' ')" "1 3 1 1 6 "
  expect 0 fmap --joblog log --resume "$plugins/faults.so" count <in; same "$out" ""
  expect 0 fmap --joblog log --resume "$plugins/faults.so" count_again <in   # another function: nothing is done yet
  same "$(wc -l <"$out_file")" 6
  expect 2 fmap --resume "$plugins/faults.so" count <in; holds "$err" "--joblog"
}

@test "--resume leaves failed items alone, --retry-failed repeats them and nothing else" {
  mkdir n; printf "$work/n/%s\n" a b >in
  expect 123 fmap --joblog log "$plugins/faults.so" crash_once <in
  holds "$err" "item 1 '$work/n/a'"; same "$(fates log)" " 2 crashed;"
  same "$(tail -n +2 log | cut -f 5,6 | sort -u)" $'139\t11'
  expect 0 fmap --joblog log --resume "$plugins/faults.so" crash_once <in; same "$out" ""
  echo "$work/n/c" >>in
  expect 123 fmap --joblog log --retry-failed "$plugins/faults.so" crash_once <in; same "$out" $'2\n2'
  expect 0 fmap --joblog log --resume "$plugins/faults.so" crash_once <in; same "$out" ""
  same "$(wc -c n/a n/b n/c | awk '{print $1}' | tr '\n' ' ')" "2 2 1 5 "
}

@test "--retries: tried again with a pause; a poison item costs its own tries and nothing else" {
  mkdir n; printf "$work/n/%s\n" a b c >in
  expect 0 fmap --retries 1 "$plugins/faults.so" crash_once <in; same "$out" $'2\n2\n2'
  printf '%s\n' 1 2 poison 4 5 >in
  expect 123 fmap --retries 2 --joblog log "$plugins/faults.so" echo_i64 <in   # wrong arguments: once is enough
  same "$out" $'1\n2\n4\n5'
  printf '[]\n[]\n' >in
  expect 123 fmap --from json --retries 2 --summary "$plugins/faults.so" segfault <in
  same "$(grep -c '^flame: item .*: segfault died of' "$err_file")" 2; holds "$err" "2 failed (2 crashed)"
}

@test "--halt: now cancels what runs, soon lets it finish" {
  { echo x; yes 60000 | head -n 50; } >in
  expect 123 fmap --halt now,fail=1 "$plugins/faults.so" sleep_ms <in
  same "$out" ""; holds "$err" "--halt"
  { echo x; seq 3000; } >in
  expect 123 fmap --halt soon,fail=1 --joblog log "$plugins/faults.so" echo_i64 <in
  holds "$err" "item 1"
  [ "$(wc -l <log)" -lt 2999 ]
  { seq 40; for i in $(seq 20); do echo x; done; seq 100000; } >in
  expect 123 fmap --halt soon,fail=20% "$samples/math.so" is_prime <in; [ "$(wc -l <"$out_file")" -lt 50000 ]
  expect 2 fmap --halt sometimes "$samples/math.so" is_prime <in; holds "$err" "fail=N"
}

@test "deadlines: --item-timeout fails its item alone; --timeout ends all with 124" {
  printf '%s\n' 1 60000 2 3 >in
  expect 123 fmap --item-timeout 500ms "$plugins/faults.so" sleep_ms <in
  same "$out" $'1\n2\n3'; holds "$err" "item 2 '60000'"
  printf '%s\n' 1 60000 60000 60000 2 >in
  expect 124 fmap --timeout 700ms "$plugins/faults.so" sleep_ms <in; same "$out" 1; holds "$err" "deadline passed"
}

@test "a full disk: for results, the job log, result files and the trace; each is named" {
  seq 20000 >in
  expect 125 bash -c 'timeout 60 flame map "$1" add 1 <in >/dev/full' _ "$samples/math.so"; holds "$err" "cannot write the results"
  expect 125 fmap --joblog /dev/full "$samples/math.so" add 1 <in; holds "$err" "job log '/dev/full'"
  expect 125 fmap --trace /dev/full "$samples/math.so" add 1 <in; holds "$err" "/dev/full"
  if mkdir small && mount -t tmpfs -o size=64k none small 2>/dev/null; then
    run_small() { expect 125 fmap "$@" "$samples/math.so" add 1 <in; holds "$err" 'No space left'; holds "$err" small/; }
    run_small --results small/out
    rm -r small/*
    run_small --joblog small/log
    rm in; seq 20000 >in
    # What was logged is done; what follows is not lost.
    cp small/log log; umount small
    expect 0 fmap --joblog log --resume "$samples/math.so" add 1 <in
    same "$(tail -n +2 log | cut -f 9 | sort -n | uniq | wc -l)" 20000
    same "$(tail -n +2 log | wc -l)" 20000
  fi
}

@test "a reader that stops reading stops the work; an input that never ends is read no further than it is fed" {
  mkfifo out; exec 8<>out   # nobody reads
  cat >producer <<'P'
i=0; while :; do i=$((i + 1)); echo $i; [ $((i % 1000)) = 0 ] && echo $i >made; done
P
  (bash producer | timeout -k 1 100 flame map "$samples/math.so" add 1 >out) 3>&- 8>&- & pid=$!
  last=none; for _ in $(seq 1000); do   # until the producer has stood still ten times in a row
    now=$(cat made 2>/dev/null || true)
    if [ -n "$now" ] && [ "$now" = "$last" ]; then still=$((still + 1)); else still=0; fi
    [ "$still" -lt 10 ] || break
    last=$now; sleep 0.1
  done
  [ "$last" -lt 1000000 ]
  head -n 3 <out >got; same "$(cat got)" $'2\n3\n4'
  exec 8>&-   # now the reader is gone: all ends
  wait "$pid" || true
}

@test "--trace: a Chrome trace with a row a slot; --summary says what there is to say" {
  seq 500 | fmap --trace t.json --summary "$samples/math.so" is_prime >/dev/null 2>err
  jq -e '.traceEvents | length > 500' t.json >/dev/null
  python3 - t.json <<'P'
import json, sys
events = json.load(open(sys.argv[1]))["traceEvents"]
rows = {}
for e in events:
    assert e["ph"] in ("X", "M") and isinstance(e["pid"], int) and isinstance(e["tid"], int) and isinstance(e["name"], str), e
    if e["ph"] == "X":
        assert isinstance(e["ts"], int) and isinstance(e["dur"], int) and e["dur"] >= 0 and isinstance(e["args"], dict), e
        if e["cat"] == "call": rows.setdefault((e["pid"], e["tid"]), []).append((e["ts"], e["ts"] + e["dur"]))
assert sum(map(len, rows.values())) == 500
for spans in rows.values():
    spans.sort()
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:])), "calls of a row overlap"
named = {(e["pid"], e["tid"]) for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
assert set(rows) <= named
P
  holds "$(cat err)" "500 items: 500 done"; holds "$(cat err)" p95; holds "$(cat err)" "runner seconds"
}

@test "runners: one when that is enough; more up to --max-runners when the wait is worth a boot; --min-runners at once" {
  [ -z "${FLAME_SANITIZER:-}" ] || skip "measured times decide, and a sanitizer stretches them unevenly"
  (priced 0   # an engine of which nothing is known is thought to take seconds for a boot
    seq 20 | fmap --max-runners 3 --to json "$samples/math.so" is_prime >got
    flame pool destroy --yes)
  same "$(jq -r .runner got | sort -u | wc -l)" 1
  yes 100 | head -n 100 | fmap --max-runners 3 --summary --to json "$plugins/faults.so" sleep_ms >got 2>err
  [ "$(jq -r .runner got | sort -u | wc -l)" -ge 2 ]; [ "$(jq -r .runner got | sort -u | wc -l)" -le 3 ]
  same "$(jq -r .result got | sort | uniq -c | tr -s ' ')" " 100 100"
  flame pool destroy --yes
  yes 30 | head -n 60 | fmap --min-runners 2 --max-runners 2 --to json "$plugins/faults.so" sleep_ms >got
  same "$(jq -r .runner got | sort -u | tr '\n' ' ')" "flame-default-0 flame-default-1 "
}

@test "two maps and a loop of runs share the runner" {
  seq 2000 >in
  fmap "$samples/math.so" add 1 <in >one & a=$!
  fmap "$samples/math.so" add 2 <in >two & b=$!
  for i in 1 2 3; do expect 0 flame run "$samples/math.so" add "$i" 1; same "$out" $((i + 1)); done
  wait "$a"; wait "$b"
  seq 2 2001 | cmp - one; seq 3 2002 | cmp - two
  same "$(flame pool status --json | jq length)" 1
}

@test "--max-cost: when the runners have cost so much no more is fed, and that is said; a cheap one is done" {
  priced 100
  yes 20 | head -n 1000 >in
  expect 125 fmap --max-cost 20 --joblog log --summary "$plugins/faults.so" sleep_ms <in
  holds "$err" "cost limit"; holds "$err" "--resume"
  [ "$(wc -l <"$out_file")" -lt 1000 ]; same "$(($(wc -l <log) - 1))" "$(wc -l <"$out_file")"
  priced 0.001
  expect 0 fmap --max-cost 20 --joblog log --resume "$samples/math.so" is_prime <<<7
  flame pool destroy --yes
}

@test "flame.toml and FLAME_POOL choose the pool; its environment reaches the calls" {
  printf '[pool.mine]\nmax = 2\nenv = ["GIVEN"]\n' >flame.toml
  same "$(echo GIVEN | GIVEN=yes FLAME_POOL=mine fmap --to json "$plugins/faults.so" env | jq -r '.result + " " + .runner')" "yes flame-mine-0"
  FLAME_POOL=mine flame pool destroy --yes
}
