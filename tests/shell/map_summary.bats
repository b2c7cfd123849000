#!/usr/bin/env bats
# flame map: what is told about a run, and what a job log is good for when the command changes.
load common
setup() { common_setup; }
teardown() { common_teardown; }

fmap() { timeout -k 1 120 flame map "$@"; }
# like TEXT PATTERN
like() { grep -qE "$2" <<<"$1" || { printf 'nothing like %s in:\n%s\n' "$2" "$1"; return 1; }; }
@test "--summary: items, failures by kind, percentiles, waits, boots, use of the slots, runner seconds, cost" {
  priced 1
  printf '%s\n' 10 20 x 30 y >in
  expect 123 fmap --summary --max-cost 1000 "$plugins/faults.so" sleep_ms <in
  like "$err" '^5 items: 3 done, 2 failed \(2 bad_arguments\); [0-9.]+ (ms|s), [0-9.]+/s$'
  like "$err" '^time of an item: p50 [0-9.]+ (us|ms|s), p95 [0-9.]+ (us|ms|s), p99 [0-9.]+ (us|ms|s)$'
  like "$err" '^wait in a runner: p50 .*, p95 .*, p99 '
  like "$err" '^boots: 1, [0-9.]+ (us|ms|s) each$'
  like "$err" '^runners: slots busy for [0-9]+ %, [0-9.]+ runner seconds, cost \$0\.[0-9]*[1-9]'
  expect 0 fmap "$plugins/faults.so" sleep_ms <<<1; same "$err" ""   # in a pipe only when asked for
  flame pool destroy --yes
}

@test "--trace holds against the documented schema: a named process a runner, a named row a slot" {
  seq 500 | fmap --trace t.json "$samples/math.so" is_prime >/dev/null
  read -r events rows < <(python3 "$BATS_TEST_DIRNAME/trace_schema.py" t.json)
  same "$events" 500; [ "$rows" -ge 1 ]; [ "$rows" -le 2 ]
  printf '"quoted" \\ \t\n\xff\n' >in   # names are text whatever the items are
  fmap --trace t.json "$samples/text.so" word_count <in >/dev/null
  same "$(python3 "$BATS_TEST_DIRNAME/trace_schema.py" t.json | cut -d' ' -f1)" 2
  : >in; fmap --trace t.json "$samples/math.so" is_prime <in; same "$(python3 "$BATS_TEST_DIRNAME/trace_schema.py" t.json)" "0 0"
}

@test "--resume knows a call by plugin, function and arguments: of another nothing is done" {
  seq 5 >in
  expect 0 fmap --joblog log "$samples/math.so" add 1 <in; same "$out" $'2\n3\n4\n5\n6'
  expect 0 fmap --joblog log --resume "$samples/math.so" add 1 <in; same "$out" ""
  expect 0 fmap --joblog log --resume "$samples/math.so" add 2 <in; same "$out" $'3\n4\n5\n6\n7'
  expect 0 fmap --joblog log --resume "$samples/math.so" mul 1 <in; same "$out" $'1\n2\n3\n4\n5'
  { cat "$samples/math.so"; echo; } >other.so   # the same, but for its bytes
  expect 0 fmap --joblog log --resume ./other.so add 1 <in; same "$out" $'2\n3\n4\n5\n6'
  same "$(tail -n +2 log | wc -l)" 20
}

@test "--resume ends the half line that a killed run left, and joins nothing to it" {
  seq 3 >in
  expect 0 fmap --joblog log "$samples/math.so" add 1 <in
  printf '2\n3\n4\n12' >all; echo 4 >>in
  fmap --joblog log --resume "$samples/math.so" add 1 <in >>all; same "$(cat all)" $'2\n3\n4\n12\n5'
  echo 5 >>in; fmap --joblog log --resume "$samples/math.so" add 1 <in >>all; same "$(cat all)" $'2\n3\n4\n12\n5\n6'
}

@test "--halt now leaves nothing running on the runner" {
  { echo x; yes 60000 | head -n 50; } >in
  expect 123 fmap --halt now,fail=1 "$plugins/faults.so" sleep_ms <in
  same "$(grep -c '^flame: item' "$err_file")" 1
  for _ in $(seq 500); do [ "$(flame pool status --json | jq '.[0].busy')" != 0 ] || break; sleep 0.02; done
  same "$(flame pool status --json | jq '.[0] | .busy + .queued')" 0
}

@test "--max-cost: no second runner is booted when its boot would cross the limit" {
  priced 100
  yes 30 | head -n 40 >in
  expect 125 fmap --max-runners 3 --max-cost 1 --to json "$plugins/faults.so" sleep_ms <in
  holds "$err" "cost limit"; same "$(jq -r .runner "$out_file" | sort -u | wc -l)" 1
  flame pool destroy --yes
}
