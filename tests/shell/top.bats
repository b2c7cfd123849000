#!/usr/bin/env bats
# `flame pool top`: the live view in a terminal, and one look for scripts.
load common
load terminal
load keep
setup() { common_setup; }
teardown() { close_terminal; for job in $(jobs -p); do kill -9 "$job" 2>/dev/null || true; done; common_teardown; }

await_look() { for _ in $(seq 300); do [ "$(look "$1")" = "$2" ] && return; sleep 0.05; done; look .; return 1; }
look() { flame pool top --once --json | jq -c "$1"; }

@test "top --once --json: runners, calls with their age, totals, the keeper's decision" {
  same "$(look '[.pool, .backend, .min, .max, .runners, .keeper, .trouble]')" '["default","local",0,1,[],null,null]'
  printf '[pool.default]\nmin = 1\nmax = 1\nslots = 1\n' >flame.toml
  keep a
  await_said a '.event == "runner_ready"'
  for _ in 1 2; do flame run "$plugins/faults.so" sleep_ms 3000 >/dev/null & done
  await_look '.totals | [.busy, .queued]' '[1,1]'
  same "$(look '.runners[0] | [.name, .state, .current, .slots, .busy, .queued]')" '["flame-default-0","ready",true,1,1,1]'
  same "$(look '[.runners[0].in_flight[] | [.plugin, .function, .state]]')" '[["faults.so","sleep_ms","running"],["faults.so","sleep_ms","queued"]]'
  await_look '.runners[0].in_flight[0].age_ms > 500' true
  same "$(look '.keeper.pid')" "$a"; await_look '.keeper.decision' '"min = 1: 1 ready, 0 coming"'; same "$(look '.keeper | [.boots_ready, .boots_failed]')" '[1,0]'
  await_look '.runners[0].calls' 2
  same "$(look '.totals.p95_ms >= 3000 and .runners[0].p50_ms >= 3000')" true
  stop a
  same "$(look .keeper)" null
  # Text for people where there is no terminal, and where one look is asked for.
  expect 0 flame pool top; holds "$out" "pool default (local): 1 ready"
  expect 0 flame pool top --once; grep -q '^flame-default-0  *ready ' "$out_file"
}

@test "top: who looks does not keep a runner from leaving" {
  printf '[pool.default]\nidle_timeout = "2s"\n' >flame.toml
  flame pool warm
  open_terminal 100 20 flame pool top
  await "1 ready"
  sees "^flame-default-0 .* 1\.[0-9]* s"  # idle, and it is told so
  await "0 ready"
}

@test "top: drawn in place, as large as the screen; q and Ctrl-C leave it as it was" {
  printf '[pool.default]\nmax = 4\nslots = 1\n' >flame.toml
  flame pool warm --size 4
  terminal 100 flame pool top
  await "4 ready"
  tmux_here resize-window -x 40 -y 4
  for _ in $(seq 400); do [ "$(screen | sed -n 4p)" = "flame-default-0  ready  1      0     0" ] && break; sleep 0.05; done
  same "$(screen | sed -n 4p)" "flame-default-0  ready  1      0     0"
  tmux_here resize-window -x 100 -y 12
  await flame-default-3
  same "$(screen | grep -c '^flame-default')" 4
  keys q; await "status 0"
  same "$(screen | grep -c flame-default)" 0
  keys "stty -a | grep -c ' icanon'; flame pool top; echo left \$?" Enter
  await "4 ready"
  keys C-c; await "left 0"
  same "$(screen | grep -c flame-default)" 0
}

@test "top: what the engine cannot do is an error" {
  FLAME_BACKEND=nowhere expect 125 flame pool top; holds "$err" "no backend 'nowhere'"
  mkdir bin; printf '#!/bin/sh\nwhile read -r line; do echo "{\\"id\\":$(jq .id <<A\n$line\nA\n),\\"error\\":{\\"code\\":\\"unreachable\\",\\"message\\":\\"it rains\\"}}"; done\n' >bin/flame-backend-rain; chmod +x bin/flame-backend-rain
  PATH=$work/bin:$PATH FLAME_BACKEND=rain expect 125 flame pool top --once; holds "$err" "it rains"; same "$out" ""
  for wrong in '--size 2' '--yes' 'x'; do expect 125 flame pool top $wrong; holds "$err" "flame pool"; done
}
