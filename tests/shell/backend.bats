#!/usr/bin/env bats
# Backends that others write: on PATH, in any language, well or badly.
load common
load golden
setup() {
  common_setup
  mkdir bin
  export PATH=$work/bin:$PATH FLAME_BACKEND=own
  local=$FLAME_PREFIX/libexec/flame/flame-backend-local
}
teardown() {
  printf '#!/bin/sh\nexec %s\n' "$local" | backend
  FLAME_BACKEND=own flame pool destroy --yes >/dev/null 2>&1 || true
  FLAME_BACKEND=local common_teardown && nothing_rewritten
}
backend() { cat >bin/flame-backend-own; chmod +x bin/flame-backend-own; }

@test "a one-shot script is a backend; runners that are known are not asked for again" {
  # Answers one line and ends. Told every time in asked.txt.
  printf '#!/bin/sh\nread -r line; echo "$line" >>%s/asked.txt; echo "$line" | %s\n' "$work" "$local" | backend
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
  same "$(jq -r .verb asked.txt | tr '\n' ' ')" "list boot "
  expect 0 flame run "$samples/math.so" add 2 2; same "$out" 4
  same "$(wc -l <asked.txt)" 2
  same "$(stat -c %a "$XDG_RUNTIME_DIR"/flame/hints/own.default/flame-default-*)" 600
  # A hint that is wrong is dropped, and the engine is asked.
  kill -9 "$(flame pool status --json | jq '.[0].pid')"
  expect 0 flame run "$samples/math.so" add 3 2; same "$out" 5
}

@test "a backend that says nothing is killed at the deadline, with what it had started" {
  printf '#!/bin/sh\nsleep 1000 & echo $! >%s/child; wait\n' "$work" | backend
  expect 124 flame run --timeout 500ms "$samples/math.so" add 1 2; golden backend-silent
  until ! kill -0 "$(cat child)" 2>/dev/null; do sleep 0.02; done
}

@test "rubbish, an early end, an error, notes" {
  printf '#!/bin/sh\nread -r l; echo rubbish; cat >/dev/null\n' | backend
  expect 125 flame run "$samples/math.so" add 1 2; golden backend-rubbish
  printf '#!/bin/sh\nexit 4\n' | backend
  expect 125 flame run "$samples/math.so" add 1 2; golden backend-ended
  cat >bin/flame-backend-own <<'X'
#!/bin/sh
read -r l
printf '%s\n' '{"id":1,"note":"asking \u001b[2J the rack"}' '{"id":1,"error":{"code":"capacity","message":"no such rack","hint":"buy one"}}'
cat >/dev/null
X
  expect 125 flame run "$samples/math.so" add 1 2; golden backend-error
  FLAME_BACKEND=nowhere expect 125 flame run "$samples/math.so" add 1 2; holds "$err" "no flame-backend-nowhere"
  FLAME_BACKEND=../x expect 125 flame run "$samples/math.so" add 1 2; golden backend-name
}
