#!/usr/bin/env bats
# What a worker keeps from its plugin and from what the plugin starts.
load common
setup() { common_setup; dice=$FLAME_BUILD/tests/stress/dice.so faults=$plugins/faults.so; }
teardown() { common_teardown; }

@test "a program that a plugin starts inherits no descriptor of ours" {
  expect 0 flame run "$dice" inherited
  same "$out" '"0\n1\n2\n3\n"'
}

@test "prints of one call never reach another, in order and before the result" {
  for i in 1 2 3 4 5; do
    expect 0 flame run "$faults" chatter
    same "$err" "said on stdout
said on stderr"
    expect 0 flame run "$faults" nothing; same "$err" ""
  done
}

@test "a worker that dies while it is idle costs the next call nothing" {
  for i in $(seq 20); do expect 0 flame run "$faults" die_idle; done
}

# Two workers at the most are there: each meets many of every kind.
@test "what a call did to its process does not meet the next: directory, umask, signal mask, by whatever way" {
  for i in $(seq 400); do printf '%s\n' nothing find cwd find by_hand find nothing nothing umask nothing find mask find; done >in
  expect 0 flame map --raw --tag "$plugins/manners.so" either <in
  same "$(grep -c . "$out_file")" 5200
  same "$(grep ^find "$out_file" | sort | uniq -c | tr -s ' ')" " 2000 find"$'\t'"/ 022 0"
  # After many quiet ones, too.
  { yes nothing | head -n 5000; printf '%s\n' cwd find umask find mask find by_hand find; } >in
  expect 0 flame map --raw --tag "$plugins/manners.so" either <in
  same "$(grep ^find "$out_file" | sort -u)" $'find\t/ 022 0'
}

@test "what a call printed without a newline is its own, and comes before its end" {
  yes nothing | head -n 1000 | flame map "$plugins/manners.so" either >/dev/null
  for i in 1 2 3; do
    expect 0 flame run "$plugins/manners.so" either print; same "$err" "no newline"
    expect 0 flame run "$plugins/manners.so" either nothing; same "$err" ""
  done
}

@test "a plugin may handle signals and have threads: both go on to work between quiet calls" {
  yes nothing | head -n 1000 | flame map "$plugins/manners.so" either >/dev/null
  for i in $(seq 10); do
    expect 0 flame run "$plugins/manners.so" either guard
    expect 0 flame run "$plugins/manners.so" either write
  done
  { yes thread | head -n 200; for i in $(seq 200); do yes nothing | head -n 20; echo tell; echo find; done; } >in
  flame map --raw --tag "$plugins/manners.so" either <in | grep ^find | sort -u >got
  same "$(cat got)" $'find\t/ 022 0'
}

@test "neither runner nor worker has a descriptor that the caller had open" {
  echo secret >kept
  mkfifo gate
  exec 6<kept 19<>kept 77<kept
  flame run "$faults" hold "$work/gate" >held & call=$!
  exec 8>gate
  runner=$(flame pool status --json | jq '.[0].pid')
  nanny=$(pgrep -P "$runner"); worker=$(pgrep -P "$nanny")
  for process in "$runner" "$nanny" "$worker"; do
    ! readlink /proc/$process/fd/* | grep -F "$work/kept"
  done
  # The plugin's own FIFO, what every worker has, and nothing else.
  same "$(ls /proc/$worker/fd | wc -l)" "$(ls /proc/$worker/fd | grep -cxE '[0-9]')"
  exec 8>&- 6<&- 19<&- 77<&-
  wait "$call"; same "$(cat held)" true
}

@test "a worker that somebody kills while it loads is no plugin that cannot be loaded: another takes the call" {
  cp "$plugins/held_at_load.so" it.so; mkfifo it.so.gate
  flame run ./it.so loaded >out & call=$!
  until nanny=$(pgrep -P "$(flame pool status --json | jq '.[0].pid // 0')") && worker=$(pgrep -P "$nanny"); do sleep 0.02; done
  until grep -q fifo /proc/"$worker"/wchan 2>/dev/null || grep -qs it.so /proc/"$worker"/maps; do sleep 0.02; done
  mv it.so.gate was.gate
  kill -9 "$worker"
  wait "$call"
  same "$(cat out)" true
}
