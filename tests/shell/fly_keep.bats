#!/usr/bin/env bats
# `flame pool keep` on the engine Fly: machines destroyed behind its back, deploys, two computers, boots that fail.
load common
load fly
load keep
setup() { fly_setup; }
teardown() { for job in $(jobs -p); do [ "$job" = "${emulator:-}" ] || kill -9 "$job" 2>/dev/null || true; done; fly_teardown; }

api() { curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines$1" "${@:2}"; }
# A `fly deploy` of another image.
deploy() {
  local app
  app=$(api "" | jq -c '[.[] | select(.config.metadata.fly_process_group)][0]')
  api "/$(jq -r .id <<<"$app")" -d "$(jq -c '{config: (.config | .image = "registry.fly.io/demo:deployment-2" | .metadata.fly_release_version = "9")}' <<<"$app")" >/dev/null
}
records() { api "" | jq -c '[.[] | select(.config.metadata.flame_keeper and .state != "destroyed" and .state != "destroying")] | length'; }

@test "fly keep: min is restored when machines are destroyed behind its back; max names; the record goes with the keeper" {
  fly_start
  pool 'min = 2' 'max = 2'
  keep a
  await_said a '.event == "runner_ready"' 2
  same "$(records)" 1
  # Nobody else sees the record: it is no runner.
  same "$(flame pool status --json | jq length)" 2
  for id in $(machines | jq -r '.[].id'); do api "/$id?force=true" -X DELETE >/dev/null; done
  await_said a '.event == "runner_lost"' 2
  await_said a '.event == "runner_ready"' 4
  await_status '[.[].state]' '["ready","ready"]'
  same "$(ask journal | jq '[.requests[] | select(.method == "POST" and (.path | endswith("/machines")))] | length')" 5
  stop a
  same "$(records)" 0
  same "$(count)" 2
}

@test "fly keep: of two computers one acts; when it is killed the other takes over at the end of its lease" {
  fly_start
  pool 'min = 1' 'max = 2'
  keep a
  await_said a '.event == "runner_ready"'
  mkdir -m 0700 elsewhere
  XDG_RUNTIME_DIR=$work/elsewhere keep b
  await_said b '.event == "runner_known"'
  same "$(said b '.event == "acting"')" 0
  # Renewed well before its end: the other sees no gap.
  renewed() { ask journal | jq '[.requests[] | select(.path | endswith("/lease"))] | length'; }
  before=$(renewed); until [ "$(renewed)" -ge $((before + 6)) ]; do sleep 0.5; done
  same "$(said b '.event == "acting"')" 0
  kill -9 "$a"
  await_said b '.event == "acting"'
  api "/$(machines | jq -r '.[0].id')?force=true" -X DELETE >/dev/null
  await_said b '.event == "runner_ready"'
  same "$(records)" 1
  # On the first computer a new one waits now; when b ends in good order it need not wait for the lease's end.
  keep a
  await_said a '.event == "runner_known"'
  same "$(said a '.event == "acting"')" 0
  stop b
  await_said a '.event == "acting"'
  stop a
}

@test "fly keep: on one computer the next goes on with the lease of one that was killed" {
  fly_start
  pool 'min = 1'
  keep a
  await_said a '.event == "runner_ready"'
  kill -9 "$a"; wait "$a" || true
  refused() { ask journal | jq '[.requests[] | select((.path | endswith("/lease")) and .status == 409)] | length'; }
  keep b
  await_said b '.event == "acting"'
  same "$(refused)" 0
  same "$(records)" 1
  stop b
}

@test "fly keep: a record that nobody holds is found by gc; one that is held is not" {
  fly_start
  pool 'min = 1'
  keep a
  await_said a '.event == "runner_ready"'
  expect 0 flame pool gc --json; same "$(jq length "$out_file")" 0
  kill -9 "$a"
  until [ "$(flame pool gc --json --dry-run | grep -v '^price\|^DELETE' | jq -r '.[].name')" = flame-default-keeper ]; do sleep 1; done
  expect 0 flame pool gc --yes; holds "$out" flame-default-keeper
  same "$(records)" 0
  same "$(count)" 1
}

@test "fly keep: a deploy in mid-map: new work goes to the new image, the old finishes, nothing fails" {
  fly_start --image '*=/'
  pool 'min = 2' 'max = 2' 'surge = 1'
  keep a
  await_said a '.event == "runner_ready"' 2
  yes 100 | head -800 | flame map --joblog job.log "$plugins/faults.so" sleep_ms >out 2>err &
  map=$!
  until [ "$(wc -l <out)" -ge 10 ]; do kill -0 "$map"; sleep 0.05; done
  deploy
  await_said a '.event == "outdated"' 2
  await_said a '.event == "drain"' 2
  kill -0 "$map"  # it goes on
  wait "$map"
  same "$(sort out | uniq -c | tr -s ' ')" ' 800 100'
  await_status '[.[] | [.state, .current]] | unique' '[["ready",true]]'
  same "$(machines | jq -r '[.[].image_ref.digest] | unique | length')" 1
  # Work went to the old ones and to those that came for them: two names, and the one that surge adds.
  same "$(cut -f3 job.log | grep -o 'flame-default-.*' | sort -u | wc -l)" 3
  last=$(cut -f3 job.log | grep flame-default- | tail -1)
  machines | jq -r '.[].name' | grep -qx "$last"
  stop a
}

@test "fly keep: what was left behind is destroyed, and what it cost is told" {
  fly_start
  pool 'min = 1' 'max = 2' 'when_idle = "stop"'
  expect 0 flame pool warm --size 2 --stopped
  echo 'guest = "shared-cpu-2x"' >>flame.toml
  keep a
  await_said a '.event == "left_behind"' 2
  await_said a '.event == "runner_ready"'
  until [ "$(count)" = 1 ]; do sleep 0.3; done
  same "$(jq -r 'select(.event == "left_behind") | .why' a.log | sort -u)" "of other settings: nothing starts it again"
  stop a
}

@test "fly keep: boots that die: a pause that grows, and few machines are bought" {
  fly_start
  dying 'echo "no disk for that" >&2' 'exit 3'
  echo 'min = 2' >>flame.toml; echo 'max = 4' >>flame.toml
  keep a
  await_said a '.event == "boot_failed" and .next_in_ms > 20000'
  [ "$(creates)" -le 8 ]
  holds "$(jq -r 'select(.event == "boot_failed") | .why' a.log)" "exited with 3"
  stop a
}

@test "fly keep: an API that is away for a while: told once, and all is well afterwards" {
  fly_start
  pool 'min = 1'
  keep a --listen "unix:$work/k.sock"
  await_said a '.event == "runner_ready"'
  fault '{"kind": "empty", "verb": "list"}'
  await_said a '.event == "engine_error"'
  health() { curl -sS -o /dev/null -w '%{http_code}' --unix-socket k.sock http://x/healthz; }
  same "$(health)" 503
  ask faults -X DELETE >/dev/null
  await_said a '.event == "engine_answers"'
  same "$(health)" 200
  stop a
}
