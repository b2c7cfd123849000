#!/usr/bin/env bats
# A machine on Fly that is killed under a call: the call's end says what the machine died of.
load common
load fly
setup() { fly_setup; fly_start; }
teardown() { fly_teardown; }

# strike FAULT: the next machine, some time after its start; not the app's own, which may still be starting.
strike() {
  local times
  for times in $(seq 500); do
    ask machines | jq -e '[.machines[] | select(.name | startswith("flame-") | not) | .state] == ["started"]' >/dev/null && break
    sleep 0.02
  done
  fault '{"kind":"'"$1"'","delay_ms":1500,"times":1}'
}
# dies_of FAULT STATUS: a call on a new machine that is struck after it has begun.
dies_of() {
  strike "$1"
  expect "$2" flame run --cause-fd 3 "$plugins/faults.so" sleep_ms 60000 3>cause.json
  same "$out" ""; holds "$err" "the machine 'flame-default-"
}

@test "killed for memory: named with its guest, status 137, whether the machine is gone or kept stopped" {
  for line in 'when_idle = "destroy"' 'when_idle = "stop"'; do
    pool "$line"
    dies_of oom 137
    holds "$err" "shared-cpu-1x"; holds "$err" "killed for memory"; holds "$err" "oom_ladder"
    same "$(jq -r '.kind + " " + .fate' cause.json)" "out_of_memory unknown"
    flame pool destroy --yes
  done
}

@test "killed otherwise: its exit and its log are shown, status 125" {
  pool
  dies_of dies 125
  holds "$err" "signal 9"; same "$(jq -r .kind cause.json)" lost
}

@test "what may be run again goes to the next guest" {
  pool 'oom_ladder = ["shared-cpu-2x"]'
  strike oom
  expect 0 flame run "$plugins/faults.so" sleep_ms_again 4000; same "$out" 4000
  holds "$err" "killed for memory"; holds "$err" "it is called again on the guest shared-cpu-2x"
}

@test "map: what may be run again goes to the next guest too" {
  pool 'oom_ladder = ["shared-cpu-2x"]'
  strike oom
  yes 4000 | head -n 3 >in
  expect 0 flame map --to json "$plugins/faults.so" sleep_ms_again <in
  same "$(jq .result <<<"$out" | sort | uniq -c | tr -s ' ')" " 3 4000"
  holds "$err" "killed for memory"; holds "$err" "such items run again on the guest shared-cpu-2x"
  same "$(ask bill | jq -r '[.machines[].name | select(startswith("flame-"))] | sort | join(" ")')" "flame-default-0 flame-default-shared-cpu-2x-0"
}

@test "map says it too, and goes on elsewhere" {
  pool 'max = 2'
  strike oom
  yes 300 | head -n 30 >in
  expect 0 flame map "$plugins/faults.so" sleep_ms_again <in
  same "$(grep -c 300 <<<"$out")" 30
  holds "$err" "killed for memory"
}
