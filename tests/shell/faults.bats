#!/usr/bin/env bats
# Each way to go wrong that tests/plugins/faults.c knows does what its name says.
load common
setup() { common_setup; faults=$plugins/faults.so; }
teardown() { common_teardown; }

cause() { flame run --cause-fd 3 "$@" 3>"$work/cause.json"; }
fate() { jq -r '.kind + " " + .fate' "$work/cause.json"; }

@test "an exception that is caught is the function's failure; one that is not kills its worker" {
  expect 1 cause "$faults" throw; same "$(fate)" "failed failed"; holds "$err" "thrown on purpose"
  expect 134 cause "$faults" throw_out; same "$(fate)" "crashed crashed"
}

@test "signals: 139, 134; a smashed stack; exit is 125" {
  expect 139 cause "$faults" segfault; same "$(fate)" "crashed crashed"
  expect 134 cause "$faults" abort; same "$(fate)" "crashed crashed"
  ! cause "$faults" smash_stack 2>err; same "$(fate)" "crashed crashed"
  expect 125 cause "$faults" exit_zero; same "$(fate)" "exited crashed"
}

@test "a worker that dies between two calls costs neither" {
  for _ in 1 2 3 4 5; do
    expect 0 flame run "$faults" die_idle; pid=$out
    while kill -0 "$pid" 2>/dev/null; do read -rt 0.01 <> <(:) || true; done
    expect 0 flame run "$faults" nothing
  done
}

@test "deaf and polite end at the deadline; a call that is held goes on when told to" {
  for name in deaf polite; do expect 124 cause --timeout 300ms "$faults" "$name"; same "$(jq -r .fate cause.json)" timed_out; done
  mkfifo gate
  flame run "$faults" hold "$work/gate" >held &
  : >gate
  wait $!
  same "$(cat held)" true
}

@test "how often a function ran can be counted" {
  for n in 1 2 3; do expect 0 flame run "$faults" count "$work/ran"; same "$out" $n; done
  same "$(wc -c <ran)" 3
  expect 139 flame run "$faults" crash_once "$work/once"
  expect 0 flame run "$faults" crash_once "$work/once"; same "$out" 2
}

@test "memory without end meets the limit" {
  plain_build_only "shadow memory does not fit into the limit"
  ulimit -v 2000000
  expect 12 flame run "$faults" hog; holds "$err" "no memory is left"
  expect 0 flame run "$faults" alloc 1000000; same "$out" 1000000
  expect 0 flame run "$faults" cpu_ms 20; same "$out" 20
}

@test "a plugin that closes or scribbles on its worker's socket dies alone, and is told why" {
  for name in mute scribble; do
    expect 137 cause "$faults" "$name"; same "$(fate)" "crashed crashed"; holds "$err" "talks to the runner"
    expect 0 flame run "$faults" echo_i64 7; same "$out" 7
  done
}

# worker_memory BYTES: the local engine's runners, with so much memory for a worker.
worker_memory() {
  mkdir -p bin
  printf '#!/bin/sh\nexec %s "$@" --worker-memory-bytes %s\n' "$FLAME_PREFIX/bin/flame-runner" "$1" >bin/runner
  printf '#!/bin/sh\nsed -u "s|\\"runner_path\\":\\"[^\\"]*|\\"runner_path\\":\\"%s|" | exec %s\n' "$work/bin/runner" \
    "$FLAME_PREFIX/libexec/flame/flame-backend-local" >bin/flame-backend-own
  chmod +x bin/runner bin/flame-backend-own
  export PATH=$work/bin:$PATH FLAME_BACKEND=own
}

# nanny_of RUNNER: once it has one
nanny_of() { local found; until found=$(pgrep -P "$1"); do :; done; echo "$found"; }

# A call that runs, and has left a grandchild: $runner, $nanny, $orphan, $call
leave_orphan() {
  flame pool warm
  runner=$(flame pool status --json | jq '.[0].pid')
  flame run --cause-fd 3 "$faults" orphan "$work/orphan" 3>cause.json 2>err & call=$!
  until [ -s orphan ]; do :; done
  nanny=$(nanny_of "$runner") orphan=$(cat orphan)
}

@test "a nanny that is killed: its worker and all that it started are gone, the runner goes on" {
  leave_orphan
  kill -0 "$orphan"
  kill -9 "$nanny"
  status=0; wait "$call" || status=$?
  same "$status" 137; same "$(fate)" "crashed crashed"
  ! kill -0 "$orphan" 2>/dev/null
  same "$(pgrep -P "$runner" || true)" ""
  expect 0 flame run "$faults" echo_i64 7; same "$out" 7
  same "$(flame pool status --json | jq '.[0].pid')" "$runner"
}

@test "a runner that is killed: its nannies end the workers and all that they started" {
  leave_orphan
  below=$(pgrep -P "$nanny")  # the worker, and what it left to its nanny
  kill -0 "$orphan"
  kill -9 "$runner"
  status=0; wait "$call" || status=$?
  same "$status" 125; same "$(fate)" "lost unknown"
  for pid in $below "$orphan" "$nanny"; do timeout 60 tail -s 0.02 --pid="$pid" -f /dev/null; done
}

@test "killed by somebody: not for its memory; killed by the kernel for want of memory: said, with what it had" {
  mkfifo gate
  flame run --cause-fd 3 "$faults" hold "$work/gate" 3>cause.json 2>err & call=$!
  exec 8>gate
  runner=$(flame pool status --json | jq '.[0].pid')
  worker=$(pgrep -P "$(nanny_of "$runner")")
  # What the kernel kills elsewhere meanwhile says nothing of this one.
  elsewhere=/sys/fs/cgroup/memory/flame-test-elsewhere-$$
  if [ "$(id -u)" = 0 ] && mkdir "$elsewhere" 2>/dev/null; then
    echo 20M >"$elsewhere/memory.limit_in_bytes"
    ! bash -c 'echo $$ >"$1/cgroup.procs"; exec tail /dev/zero' _ "$elsewhere" 2>/dev/null
    grep -q '^oom_kill 1$' "$elsewhere/memory.oom_control"
    rmdir "$elsewhere"
  fi
  kill -9 "$worker"
  status=0; wait "$call" || status=$?
  exec 8>&-
  same "$status" 137; same "$(fate)" "crashed crashed"; holds "$(cat err)" "neither the runner nor the kernel"
  # A group of our own with less memory than the runner takes for granted; only root can make one.
  plain_build_only "shadow memory does not fit into the group"
  group=/sys/fs/cgroup/memory/flame-test-$$
  [ "$(id -u)" = 0 ] && mkdir "$group" 2>/dev/null || return 0
  flame pool destroy --yes
  echo 300M >"$group/memory.limit_in_bytes"
  flame pool warm
  runner=$(flame pool status --json | jq '.[0].pid')
  echo "$runner" >"$group/cgroup.procs"
  flame run --cause-fd 4 "$faults" hold "$work/gate" 4>other.json 2>/dev/null & other=$!
  exec 8>gate
  worker=$(pgrep -P "$(nanny_of "$runner")")
  status=0; flame run --cause-fd 3 "$faults" hog 3>cause.json 2>err || status=$?
  kill -9 "$worker"  # in the same group, by somebody, afterwards
  ! wait "$other"
  exec 8>&-
  echo "$runner" >/sys/fs/cgroup/memory/cgroup.procs
  flame pool destroy --yes
  rmdir "$group"
  same "$status" 137; same "$(fate)" "out_of_memory crashed"; holds "$(cat err)" "the kernel had no memory left; its worker had "
  same "$(jq -r .kind other.json)" crashed
}

@test "a runner in a group of little memory ends the worker that takes its share, before the kernel must" {
  plain_build_only "shadow memory does not fit into the group"
  group=/sys/fs/cgroup/memory/flame-test-$$
  [ "$(id -u)" = 0 ] && mkdir "$group" 2>/dev/null || return 0
  echo 2G >"$group/memory.limit_in_bytes"
  printf '[pool.default]\nslots = 8\n' >flame.toml
  status=0
  bash -c 'echo $$ >"$1/cgroup.procs"; exec flame run --cause-fd 3 "$2" hog 3>cause.json 2>err' _ "$group" "$faults" || status=$?
  flame pool destroy --yes
  rmdir "$group"
  same "$status" 137; same "$(fate)" "out_of_memory crashed"; holds "$(cat err)" "of 230 MiB that it may have"
}

@test "each fault while four other calls run on the same runner: the four finish, the one gets its cause and its status" {
  printf '[pool.default]\nslots = 6\n' >flame.toml
  worker_memory 600000000
  flame pool warm
  runner=$(flame pool status --json | jq '.[0].pid')
  for n in 1 2 3 4; do mkfifo "gate.$n"; flame run "$faults" hold "$work/gate.$n" >"held.$n" 2>&1 & calls[n]=$!; done
  exec 4>gate.1 5>gate.2 6>gate.3 7>gate.4
  # status, kind and fate, function and its arguments, options
  fault() { expect "$1" cause ${4:-} "$faults" $3; [ -z "$2" ] || same "$(fate)" "$2"; }
  fault 1 "failed failed" throw
  fault 9 "failed failed" "fail_with 9"
  fault 139 "crashed crashed" segfault
  fault 134 "crashed crashed" abort
  fault 134 "crashed crashed" throw_out
  ! cause "$faults" smash_stack 2>err; same "$(fate)" "crashed crashed"
  fault 125 "exited crashed" exit_zero
  fault 137 "crashed crashed" scribble
  fault 124 "timed_out timed_out" spin "--timeout 200ms"
  fault 124 "timed_out timed_out" deaf "--timeout 200ms"
  fault 124 "timed_out timed_out" "sleep_ms 60000" "--timeout 200ms"
  fault 124 "timed_out timed_out" "orphan $work/orphan" "--timeout 300ms"
  ! kill -0 "$(cat orphan)" 2>/dev/null
  fault 137 "out_of_memory crashed" hog; holds "$err" "hog was killed: its worker took"; same "$out" ""
  fault 0 "" chatter; same "$err" $'said on stdout\nsaid on stderr'
  fault 0 "" flood; same "$(stat -c %s "$out_file")" $((1 << 30))
  fault 0 "" die_idle
  for n in 1 2 3 4; do kill -0 "${calls[n]}"; [ ! -s "held.$n" ]; done
  exec 4>&- 5>&- 6>&- 7>&-
  for n in 1 2 3 4; do wait "${calls[n]}"; same "$(cat "held.$n")" true; done
  same "$(flame pool status --json | jq '.[0].pid')" "$runner"
}
