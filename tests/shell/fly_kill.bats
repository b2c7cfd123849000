#!/usr/bin/env bats
# flame killed (SIGKILL) after each request of its work, while the answer is withheld: the same line again ends as it would have, and
# nothing is left that nobody looks after.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

# cut_after VERB NTH COMMAND…: kills COMMAND when its NTH request of that verb is in the journal and has no answer yet.
cut_after() {
  local verb=$1 nth=$2 seen
  shift 2
  seen=$(asked_for "$verb")
  # Those of that verb wait for ever, so that none goes past the one that is meant.
  fault "{\"kind\":\"delay\",\"verb\":\"$verb\",\"delay_ms\":600000}"
  "$@" >cut.out 2>&1 & cut=$!
  until [ "$(asked_for "$verb")" -ge $((seen + nth)) ]; do kill -0 "$cut" || { echo "no request $nth of $verb"; cat cut.out; return 1; }; sleep 0.02; done
  kill -9 "$cut"
  wait "$cut" || true
  curl -sS -X DELETE "$FLY_FLAPS_BASE_URL/_emulator/faults" >/dev/null
  # Its backend leaves with it.
  until [ -z "$(backends)" ]; do sleep 0.05; done
}
backends() {
  local pid
  for pid in $(pgrep -x flame-backend-f); do ! grep -qsz "^XDG_RUNTIME_DIR=$work/" "/proc/$pid/environ" || echo "$pid"; done
}
# What the journal has of a verb, however it was answered.
asked_for() {
  local method path
  case $1 in
    list) method=GET path='/machines([?].*)?$' ;;
    create) method=POST path='/machines$' ;;
    wait) method=GET path='/wait' ;;
    start | stop) method=POST path="/$1\$" ;;
    delete) method=DELETE path='/machines/' ;;
  esac
  ask journal | jq "[.requests[] | select(.method == \"$method\" and (.path | test(\"$path\")))] | length"
}
# Somebody else of the same app: another computer, so another runtime directory.
other() { mkdir -p -m 0700 "$work/run2"; XDG_RUNTIME_DIR=$work/run2 "$@"; }

@test "fly kill: of a first call, after each of its requests; also with somebody else's call in between" {
  fly_start
  pool 'idle_timeout = "2s"'
  expect 0 flame run "$samples/math.so" add 100 20
  # The requests of a boot, so that a new one is not forgotten here.
  same "$(ask journal | jq -r '[.requests[] | .method + " " + (.path | sub("[?].*"; "") | sub("[0-9a-f]{14}"; "ID"))] | join(", ")')" \
    "GET /v1/apps/demo/machines, POST /v1/apps/demo/machines, GET /v1/apps/demo/machines/ID/wait"
  expect 0 flame pool destroy --yes
  for between in nobody somebody; do
    for verb in list create wait; do
      cut_after "$verb" 1 flame run "$samples/math.so" add 100 20
      if [ $between = somebody ]; then expect 0 other flame run "$samples/math.so" add 100 22; same "$out" 122; fi
      expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
      same "$(count)" 1
      expect 0 flame pool destroy --yes
      rm -rf "$work/run2"
    done
  done
  # And when nobody comes again, what was made leaves by itself.
  cut_after wait 1 flame run "$samples/math.so" add 100 20
  until [ "$(count)" = 0 ]; do sleep 0.5; done
}

@test "fly kill: of warm and of destroy, after each of their requests" {
  fly_start
  pool 'max = 2'
  for at in list:1 create:1 create:2 wait:1 wait:2; do
    cut_after "${at%:*}" "${at#*:}" flame pool warm --size 2
    expect 0 flame pool warm --size 2
    same "$(machines | jq -r '[.[].name] | sort | join(" ")')" "flame-default-0 flame-default-1"
    expect 0 flame pool destroy --yes
  done
  for at in list:1 stop:1 stop:2 delete:1 delete:2 wait:1 wait:2; do
    # Machines that stay when they are stopped: else one that was quick to stop has gone by itself, and needs no more.
    case $at in delete:1) pool $'max = 2\nwhen_idle = "stop"' ;; esac
    expect 0 flame pool warm --size 2
    cut_after "${at%:*}" "${at#*:}" flame pool destroy --yes
    expect 0 flame pool destroy --yes
    same "$(count)" 0
  done
}

@test "fly kill: of a call that starts a stopped machine" {
  fly_start
  pool 'when_idle = "stop"'
  expect 0 flame pool warm --stopped
  for at in list:1 start:1 wait:1; do
    cut_after "${at%:*}" "${at#*:}" flame run "$samples/math.so" add 100 20
    expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
    same "$(count)" 1
    expect 0 flame pool warm --stopped
  done
  same "$(creates)" 1
}
