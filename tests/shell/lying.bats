#!/usr/bin/env bats
# flame against a runner that lies: one clear error, the right status and fate, and no escape reaches the terminal.
load common
load golden
setup() {
  common_setup
  export PYTHONDONTWRITEBYTECODE=1
  flame pool warm
  sock=$(flame pool status --json | jq -r '.[0].address.unix')
  flame pool destroy --yes
}
teardown() { lie_ends; common_teardown && nothing_rewritten; }
lie_ends() { [ -z "${liar:-}" ] || { kill "$liar"; wait "$liar" || true; } 2>/dev/null; liar=; rm -f "$sock"; }
# lie MODE STATUS "KIND FATE" [OPTION…]: what `flame run add 100 20` makes of it. Where that is an error: the golden one,
# nothing on stdout, and no process, file or socket more than before.
lie() {
  local mode=$1 status=$2 cause=$3 before
  shift 3
  rm -f ready; mkfifo ready
  : >cause.json
  python3 "$BATS_TEST_DIRNAME/../wire/as_runner.py" "$mode" "$sock" >ready & liar=$!
  read -r _ <ready
  before=$(everything)
  expect "$status" flame run "$@" --cause-fd 3 "$samples/math.so" add 100 20 3>cause.json
  if grep -q $'[\x1b\x9b]' "$out_file" || LC_ALL=C grep -qaP '\x1b|\xff' "$err_file"; then cat -v "$err_file"; return 1; fi
  [ -z "$cause" ] || nothing_new "$before"
  lie_ends
  [ -n "$cause" ] || return 0
  same "$out" ""
  same "$(jq -r '.kind + " " + .fate' cause.json)" "$cause"
  golden "lying-$mode"
}

@test "no hello: another runner is started, and the call is done" {
  for mode in before_hello half_head; do
    lie "$mode" 0 ""; same "$out" 120
    flame pool destroy --yes
  done
}
@test "nothing at all: the deadline" { lie nothing 124 "timed_out never_begun" --timeout 700ms; }
@test "a runner that says late what became of the call at its deadline is believed; one that says nothing leaves it unknown" {
  lie late 124 "timed_out timed_out" --timeout 200ms
  lie silent 124 "timed_out unknown" --timeout 200ms
}
@test "no runner of ours behind the socket: one error, nothing was begun" {
  for mode in rubbish endless refuses other_key hello_rubbish hello_other; do lie "$mode" 125 "protocol never_begun"; done
}
@test "rubbish in mid-call: one error, and it is not known what became of the call" {
  for mode in huge_message huge_frame text masked error_rubbish; do lie "$mode" 125 "protocol unknown"; done
  for mode in half_frame mid_call; do lie "$mode" 125 "lost unknown"; done
  lie error_strange 125 "internal unknown"; holds "$err" 'so\x1b[2J'
}
@test "escapes and invalid UTF-8 in logs are shown, not obeyed; the result comes" {
  lie log_escapes 0 ""; same "$out" 120; holds "$err" 'a\x1b[2Jb'
}
