#!/usr/bin/env bats
# How many runners there are: light load is packed, waiting calls spread or boot, the cost an hour is kept, and
# --verbose tells why.
load common
setup() { common_setup; }
teardown() { common_teardown; }

fmap() { timeout -k 1 120 flame map "$@"; }
like() { grep -qE "$2" <<<"$1" || { echo "no line like: $2"; echo "$1"; return 1; }; }
until_true() { for _ in $(seq 2000); do "$@" 2>/dev/null && return; sleep 0.01; done; echo "never came true: $*"; return 1; }
# It holds a slot until its gate is opened.
hold() { mkfifo "gate$1"; flame run "$plugins/faults.so" hold "$work/gate$1" >/dev/null 3>&- & }
# The same, with its reasons in a file.
hold_telling() { mkfifo "gate$1"; flame run --verbose "$plugins/faults.so" hold "$work/gate$1" >/dev/null 2>"$2" 3>&- & }
open_gates() { for gate in gate*; do timeout 60 sh -c ': >"$1"' _ "$gate" & done; wait; }
# A look at the pool, whose end a runner has not yet seen, might bring a call.
nobody_arrives() { [ "$(curl -sS --unix-socket "$socket" http://x/v1/info | jq .arriving)" = 0 ]; }
busy() { [ "$(flame pool status --json | jq -c '[.[] | .busy + .queued] | sort')" = "$1" ]; }

@test "run: a runner with room before one that is full, the first before the second" {
  printf '[pool.default]\nslots = 1\nmax = 2\n' >flame.toml
  flame pool warm --size 2
  flame run "$samples/math.so" add 1 2; flame run "$samples/math.so" add 1 2
  same "$(flame pool status --json | jq -c '[.[].idle_ms] | .[0] < .[1]')" true   # the second has done nothing since
  hold 1; until_true busy '[0,1]'
  hold 2; until_true busy '[1,1]'
  open_gates
}

@test "run --verbose: why it waits, why it boots, why it does not" {
  printf '[pool.default]\nslots = 1\nmax = 2\n' >flame.toml
  expect 0 flame run --verbose "$samples/math.so" add 1 2
  like "$err" '^flame: boots 1: 1 call waits, and no runner is there$'
  expect 0 flame run --verbose "$samples/math.so" add 1 2; [[ $err != *boots* ]]
  hold 1; until_true busy '[1]'
  # Beside one that runs a second call waits, and for a third another runner is there sooner.
  hold_telling 2 second
  until_true busy '[2]'
  socket=$(flame pool status --json | jq -r '.[0].address.unix')
  until_true nobody_arrives
  holds "$(cat second)" "flame: boots none: 1 call waits, which is done before a boot"
  hold_telling 3 third
  until_true busy '[1,2]'
  holds "$(cat third)" "flame: boots 1: 2 calls wait, a boot takes 50 ms"
  open_gates
}

@test "run: one that would wait for calls which are known to be long boots another" {
  printf '[pool.default]\nslots = 1\nmax = 3\n' >flame.toml
  expect 0 flame run "$plugins/faults.so" sleep_ms 400
  flame run "$plugins/faults.so" sleep_ms 20000 >/dev/null 2>&1 3>&- & long=$!
  until_true busy '[1]'
  expect 0 flame run --verbose "$samples/math.so" add 1 2
  like "$err" '^flame: boots 1: 1 call waits'
  kill "$long"
}

@test "run: what stands behind another call in its worker waits, and is told as such" {
  printf '[pool.default]\nslots = 1\nmax = 1\n' >flame.toml
  hold 1; open_gates; rm gate1  # how long it runs is known from now on: the next stands in the worker itself
  hold 2; until_true busy '[1]'
  hold_telling 3 third
  until_true busy '[2]'
  sleep 0.3
  open_gates
  like "$(cat third)" '^flame: queue +[0-9]{3,}\.'
}

@test "run: a call that waits goes to another runner which has room by then; not one whose input was read" {
  priced 1
  printf '[pool.default]\nslots = 1\nmax = 2\nmax_cost_per_hour = 3600\n' >flame.toml
  flame pool warm
  hold 1; until_true busy '[1]'
  hold_telling 2 second; second=$!
  until_true busy '[2]'
  printf abc | flame run --verbose "$plugins/faults.so" echo_bytes - >out 2>third 3>&- &
  until_true busy '[3]'
  sed -i 's/3600/7200/' flame.toml
  flame pool warm --size 2
  until_true busy '[1,2]'
  timeout 60 sh -c ': >gate2'; rm gate2; wait "$second"
  like "$(cat second)" '^flame: another runner has room by now: the call goes there$'
  like "$(cat second)" '^flame: queue +[0-9]{3,}\.'
  # The other runner takes calls, and the one with input stays where it is all the while.
  for _ in 1 2 3 4 5 6; do expect 0 flame run "$samples/math.so" add 1 2; sleep 0.2; done
  until_true busy '[0,2]'
  open_gates; same "$(cat out)" abc
  ! grep -q 'has room by now' third
  flame pool destroy --yes
}

@test "run: what an hour may cost is not exceeded; the call waits for a slot" {
  priced 1
  printf '[pool.default]\nslots = 1\nmax = 3\nmax_cost_per_hour = 3600\n' >flame.toml
  expect 0 flame run "$samples/math.so" add 1 2
  hold 1; until_true busy '[1]'
  hold 2; until_true busy '[2]'
  hold_telling 3 third
  until_true busy '[3]'
  holds "$(cat third)" "refuses: the runners of the pool 'default' cost as much as max_cost_per_hour allows"
  sed -i 's/3600/7200/' flame.toml
  hold 4; until_true busy '[1,3]'
  open_gates
  flame pool destroy --yes
}

@test "map: no more runners than an hour may cost, and --verbose says so" {
  priced 1
  yes 30 | head -n 60 >in
  expect 0 fmap --verbose --max-runners 5 --max-cost-per-hour 7200 --to json "$plugins/faults.so" sleep_ms <in
  [ "$(jq -r .runner "$out_file" | sort -u | wc -l)" -le 2 ]
  same "$(flame pool status --json | jq length)" 2
  like "$err" '^flame: (refuses|boots 1 of .*): .*max_cost_per_hour = 7200.00 is reached'
  flame pool destroy --yes
}

@test "map: a trickle goes to one runner, and the other has nothing to do" {
  printf '[pool.default]\nslots = 1\nmax = 2\n' >flame.toml
  flame pool warm --size 2
  mkfifo items; fmap --to json "$samples/math.so" is_prime <items >out & pid=$!
  exec 7>items
  for i in 1 2 3 4 5 6; do echo "$i" >&7; has() { [ "$(wc -l <out)" = "$1" ]; }; until_true has "$i"; done
  exec 7>&-; wait "$pid"
  same "$(jq -r .runner out | sort -u | wc -l)" 1
}

@test "map: many long calls boot many runners at once" {
  printf '[pool.default]\nslots = 1\nmax = 4\n' >flame.toml
  for i in $(seq 8); do mkfifo "gate$i"; echo "$work/gate$i"; done >in
  fmap --verbose "$plugins/faults.so" hold <in >out 2>why & pid=$!
  until_true busy '[2,2,2,2]'
  for i in $(seq 8); do timeout 60 sh -c ': >"$1"' _ "gate$i" & done
  wait "$pid"; wait
  same "$(wc -l <out)" 8
  like "$(cat why)" '^flame: boots [1-4]'
}

@test "map: as many links as runners are wanted, where few descriptors are allowed at first" {
  printf '[pool.default]\nslots = 1\nmax = 100\n' >flame.toml
  flame pool warm
  address=$(flame pool status --json | jq -r '.[0].address.unix')
  for k in $(seq 99); do ln -s "$address" "${address/default-0/default-$k}"; done  # one runner under many names
  mkfifo items; (ulimit -Sn 64; exec flame map --min-runners 100 "$samples/math.so" is_prime <items >out 2>why) & pid=$!
  exec 7>items; echo 7 >&7
  linked() { [ "$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)" -ge 100 ]; }
  until_true linked
  exec 7>&-; wait "$pid"; same "$(cat out)" true; same "$(cat why)" ""
  for k in $(seq 99); do rm -f "${address/default-0/default-$k}"; done
}

@test "map restores min" {
  printf '[pool.default]\nslots = 1\nmin = 2\nmax = 3\n' >flame.toml
  mkfifo gate; echo "$work/gate" >in
  fmap "$plugins/faults.so" hold <in >out & pid=$!
  two() { [ "$(flame pool status --json | jq length)" = 2 ]; }
  until_true two
  timeout 60 sh -c ': >gate'; wait "$pid"
}
