#!/usr/bin/env bats
# What fails when a runner is already there: the golden error, the status, an empty stdout, and no process, file or socket more
# than before. (Without a runner: bad_input.bats.)
load common
load golden
setup() {
  common_setup
  flame pool warm
  flame run "$plugins/faults.so" nothing; flame run "$samples/math.so" add 1 2 >/dev/null  # workers and caches are there
}
teardown() { common_teardown && nothing_rewritten; }

@test "what the runner's loader or the SDK refuses: an undefined symbol by name, a newer ABI with both numbers" {
  flame run "$plugins/undefined_symbol.so" call_it 2>/dev/null || true
  flame run "$plugins/abi_newer.so" first 2>/dev/null || true
  refused symbol-undefined 126 flame run "$plugins/undefined_symbol.so" call_it
  refused abi-newer-manifest 126 flame run "$plugins/abi_newer_manifest.so" first
  refused abi-newer 126 flame run "$plugins/abi_newer.so" first
}

@test "no such plugin in the image, and no such function there" {
  refused image-missing 127 flame run image:/nowhere/x.so f
  refused image-function 127 flame run "image:$samples/math.so" ad 1 2
  refused image-directory 126 flame run image:/ f
}

@test "a function's own failure: its escapes and its broken UTF-8 are shown, not obeyed" {
  refused failed-escapes 7 flame run "$plugins/faults.so" fail_with 7
  refused failed-bytes 3 flame run "$plugins/faults.so" fail_bytes
}

@test "wrong arguments" {
  refused arguments-few 125 flame run "$samples/math.so" add 1
  refused argument-type 125 flame run "$samples/math.so" add 1 two
  refused argument-range 125 flame run "$plugins/faults.so" echo_i64 9223372036854775808
  refused argument-utf8 125 flame run "$plugins/faults.so" echo_string $'\xff'
  refused argument-file 125 flame run "$plugins/faults.so" echo_bytes @missing
  refused stdin-forbidden 125 flame run -n "$plugins/faults.so" echo_bytes -
}

@test "a runner that is killed in mid-call" {
  mkfifo gate
  runner=$(flame pool status --json | jq '.[0].pid')
  before=$(everything)
  # The FIFO opens when the function has begun, which ends when it is closed.
  { exec 9>gate; kill -9 "$runner"; while kill -0 "$runner" 2>/dev/null; do read -rt 0.01 <> <(:) || true; done; } &
  expect 125 flame run "$plugins/faults.so" hold "$work/gate"
  same "$out" ""; golden runner-killed; nothing_new "$before"
}

@test "a runtime directory that is another user's" {
  [ "$(id -u)" = 0 ] || return 0  # nobody else can make one
  flame pool destroy --yes
  rm -rf "$XDG_RUNTIME_DIR/flame"; mkdir -m 700 "$XDG_RUNTIME_DIR/flame"; chown 12345 "$XDG_RUNTIME_DIR/flame"
  refused runtime-foreign 125 flame run "$samples/math.so" add 1 2
  rm -r "$XDG_RUNTIME_DIR/flame"
}

@test "| head -c1: not a word, death by SIGPIPE, nothing left" {
  for function in "echo_bytes @big" flood; do
    head -c 3000000 /dev/zero >big
    before=$(everything)
    for round in 1 2 3; do
      set +o pipefail
      flame run "$plugins/faults.so" $function 2>err.txt | head -c1 >/dev/null
      status=${PIPESTATUS[0]}
      set -o pipefail
      same "$status" 141; [ ! -s err.txt ]; rm err.txt
    done
    until [ "$(flame pool status --json | jq '.[0].busy')" = 0 ]; do sleep 0.02; done
    same "$(everything | grep -v '^[0-9]*$')" "$(grep -v '^[0-9]*$' <<<"$before")"  # workers of cancelled calls were replaced
  done
}

@test "a function that heeds the cancel and fails in its own way: flame dies of the signal all the same" {
  flame run "$plugins/faults.so" polite 2>err.txt & pid=$!
  until [ "$(flame pool status --json | jq '.[0].busy')" = 1 ]; do sleep 0.02; done
  kill -TERM "$pid"
  status=0; wait "$pid" || status=$?
  same "$status" 143; same "$(cat err.txt)" "flame: ECANCELED: stopped when told to"
}

@test "Ctrl-C at random moments of first calls: dies of it, says a line at most; no half-made runner, file or socket is left" {
  flame pool destroy --yes
  before=$(everything)
  env --default-signal=INT python3 - "$plugins/faults.so" <<'X'  # signals.bats says why
import os, random, signal, subprocess, sys, time
seed = int(os.environ.get("FLAME_SEED", "11")); random.seed(seed); print("seed", seed)
for i in range(int(os.environ.get("FLAME_ROUNDS", "60"))):
    call = ["sleep_ms", "30000"] if i % 8 == 0 else ["polite"]  # one that is killed after a while, one that heeds
    p = subprocess.Popen(["flame", "run", sys.argv[1]] + call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    time.sleep(random.choice([0.002, 0.01, 0.04]) * random.random())
    os.killpg(p.pid, signal.SIGINT)
    out, err = p.communicate(timeout=60)
    assert p.returncode == -signal.SIGINT, (i, p.returncode, err)
    assert out == b"", (i, out)
    assert err.count(b"\n") <= 1 and (err == b"" or err.startswith((b"flame: cancelled", b"flame: ECANCELED"))), (i, err)
    if i % 3 == 0:
        subprocess.run(["flame", "pool", "destroy", "--yes"], check=True)
    if i % 7 == 0:
        assert subprocess.run(["flame", "run", sys.argv[1], "echo_i64", str(i)], check=True, capture_output=True).stdout == b"%d\n" % i
X
  flame pool destroy --yes
  for _ in $(seq 200); do [ -n "$(ours)" ] || break; sleep 0.05; done
  same "$(everything)" "$before"
}
