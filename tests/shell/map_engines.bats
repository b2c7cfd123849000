#!/usr/bin/env bats
# flame map over TCP, and on the emulated Fly with faults: every item exactly once, also when runners are killed in mid-work.
load common
load fly
setup() { fly_setup; items=10000; }
teardown() { fly_teardown; }

# strike LINES PIDS COMMAND…: SIGKILL in mid-work (strike.py).
strike() { read -r at status < <(python3 "$BATS_TEST_DIRNAME/strike.py" "$1" KILL "$2" in out err "${@:3}"); }

@test "over TCP, with a token: all items once, in order; so too when a runner is killed in mid-work" {
  mkdir bin; cp "$BATS_TEST_DIRNAME/tcp_backend.bash" bin/flame-backend-tcp
  export PATH=$work/bin:$PATH
  printf '[pool.default]\nbackend = "tcp"\nmax = 2\n' >flame.toml
  seq "$items" >in
  flame pool warm --size 2
  expect 0 timeout 60 flame map --min-runners 2 "$samples/math.so" add 0 <in; cmp in "$out_file"
  yes 20 | head -n 300 | flame map --to json "$plugins/faults.so" sleep_ms >"$out_file"
  same "$(jq -r .runner "$out_file" | sort -u | wc -l)" 2
  hits=0
  for round in 1 2 3 4 5 6; do
    flame pool warm --size 2; : >out
    victim=$(flame pool status --json | jq ".[$((round % 2))].pid")
    strike $((round * 1200)) "$victim" flame map "$samples/math.so" add 0
    same "$status" 0; cmp in out
    [ "$at" = missed ] || [ "$at" -ge "$items" ] || hits=$((hits + 1))
    [ "$hits" -lt 2 ] || break
  done
  [ "$hits" -gt 0 ]
  flame pool destroy --yes
  ! grep -rl a-token-for-these out err log 2>/dev/null
}

# The runners of machines: those that see our folder in their mounts.
fly_runners() { local p; for p in $(pgrep -x flame-runner); do ! grep -qF "$work" "/proc/$p/mountinfo" 2>/dev/null || echo "$p"; done; }

@test "on Fly with faults: lost replies, refusals and slow answers change nothing; nor does a runner's death" {
  fly_start
  pool 'max = 2'
  fault '{"kind":"lost_reply","verb":"create","times":1}'
  fault '{"kind":"cut","verb":"list","times":1}'
  fault '{"kind":"capacity","code":"insufficient_capacity","verb":"create","times":1}'
  seq "$items" >in
  expect 0 timeout 100 flame map --min-runners 2 "$samples/math.so" add 0 <in
  cmp in "$out_file"
  hits=0
  for round in 1 2 3 4 5 6; do
    : >out
    expect 0 timeout 60 flame run "$samples/math.so" add 1 2
    fault '{"kind":"lost_reply","verb":"create","times":1}'
    strike $((round * 1200)) "$(fly_runners | head -n 1)" flame map "$samples/math.so" add 0
    same "$status" 0; cmp in out
    [ "$at" = missed ] || [ "$at" -ge "$items" ] || hits=$((hits + 1))
    [ "$hits" -lt 2 ] || break
  done
  [ "$hits" -gt 0 ]
  expect 0 flame pool destroy --yes
}
