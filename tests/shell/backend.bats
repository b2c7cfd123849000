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

@test "an engine that gives up just before the deadline: it is the deadline's end, not boot_timeout's" {
  printf '#!/bin/sh\nread -r l; echo "{\\"id\\":1,\\"error\\":{\\"code\\":\\"timed_out\\",\\"message\\":\\"no answer in time\\"}}"; cat >/dev/null\n' | backend
  expect 124 flame run --timeout 30s "$samples/math.so" add 1 2; holds "$err" "no answer in time"
  expect 125 flame run "$samples/math.so" add 1 2; holds "$err" "no runner was ready within 1 min"
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

@test "a connection that hangs is given up long before the deadline, and made again" {
  # The first connection to the runner is accepted and never answered; the others reach it.
  cat >relay.py <<'X'
import glob, os, socket, sys, threading
at = socket.socket(socket.AF_UNIX); at.bind(sys.argv[1]); at.listen()
hung, _ = at.accept()
open(sys.argv[1] + ".hung", "w").close()
def pump(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
        b.shutdown(socket.SHUT_WR)
    except OSError: pass
while True:
    a, _ = at.accept(); b = socket.socket(socket.AF_UNIX)
    b.connect(glob.glob(os.environ["XDG_RUNTIME_DIR"] + "/flame/local-*/*.sock")[0])
    for pair in (a, b), (b, a): threading.Thread(target=pump, args=pair, daemon=True).start()
X
  python3 relay.py "$work/relay" & relay=$!
  until [ -S relay ]; do sleep 0.02; done
  printf '#!/bin/sh\nread -r line; echo "$line" | %s | jq -c "if .ok.machine.address then .ok.machine.address.unix = \\"%s/relay\\" else . end"\n' "$local" "$work" | backend
  expect 0 flame run --timeout 50s "$samples/math.so" add 1 2; same "$out" 3
  [ -e relay.hung ]
  kill "$relay"; wait "$relay" || true
}
