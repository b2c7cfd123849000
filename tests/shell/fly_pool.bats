#!/usr/bin/env bats
# `flame pool` on the engine Fly: every verb, its plan, its prices, and that the second time changes nothing.
load common
load fly
setup() { fly_setup; }
teardown() { fly_teardown; }

# planned VERB [OPTION…]: the plan's lines are the journal of what is then done, from the same state. Names of machines that
# would be made stand for their ids.
planned() {
  local before after
  before=$(requests)
  expect 0 flame pool "$@" --dry-run
  same "$(changes_since "$before")" ""
  holds "$out" "price: "
  grep -E '^(POST|DELETE) ' "$out_file" >plan || true
  price=$(sed -n 's/^price: //p' "$out_file")
  after=$(requests)
  shift
  expect 0 flame pool "$verb" "$@" $asked
  changes_since "$after" | sort >done.txt
  # A create's line goes on with its body; names become the ids that they have now.
  sed 's/ {.*//' plan | while read -r line; do
    name=$(sed -n 's/.*<\(.*\)>.*/\1/p' <<<"$line")
    [ -z "$name" ] || line=${line/<$name>/$(machines | jq -r --arg name "$name" '.[] | select(.name == $name).id')}
    echo "$line"
  done | sort >plan.txt
  diff plan.txt done.txt
}
plan() { verb=$1 asked=; case $1 in destroy | gc) asked=--yes ;; esac; planned "$@"; }

@test "fly pool: each verb's plan is what it then does; the price an hour; twice is once" {
  fly_start
  pool 'max = 4' 'guest = "performance-1x"' 'regions = ["iad"]'
  plan warm --size 2
  same "$(wc -l <plan.txt)" 2; same "$price" '$0.0917/h'
  same "$(jq -r .name < <(sed 's/[^{]*//' plan) | sort | tr '\n' ' ')" "$(machines | jq -r '[.[].name] | sort | join(" ")') "
  grep -q '"raw_value":"…"' plan; grep -q '"auto_destroy":true' plan
  before=$(requests)
  expect 0 flame pool warm --size 2; same "$out$err" ""; same "$(requests)" "$before"
  plan warm --size 3; same "$(wc -l <plan.txt)" 1
  state '[.[] | {state, region, guest, slots, busy, current, pool, backend}] | unique' >is
  same "$(cat is)" '[{"state":"ready","region":"iad","guest":"performance-1x","slots":2,"busy":0,"current":true,"pool":"default","backend":"fly"}]'
  state 'all(.[]; .idle_ms >= 0 and .age_ms >= 0 and .price_per_second == 0.000012732 and (.image | contains("@sha256:")) and (.generation | test("^[0-9a-f]{8}$")))' | grep -qx true
  flame pool status >table
  head -1 table | grep -q 'NAME *STATE *SLOTS *BUSY *QUEUED *IDLE *REGION *GUEST *IMAGE *COST *PID *AGE *GENERATION'
  same "$(grep -c 'ready .*iad *performance-1x *[0-9a-f]\{12\} *\$0.0458/h' table)" 3
  plan cool; same "$price" '$-0.1375/h'
  until [ "$(count)" = 0 ]; do sleep 0.3; done
  plan cool; same "$(wc -l <plan.txt)" 0; same "$price" '$0.0000/h'
  expect 0 flame pool warm
  plan destroy; [ "$(wc -l <plan.txt)" = 2 ]; same "$(count)" 0
  expect 0 flame pool destroy --yes; same "$out$err" ""
  token_nowhere
}

@test "fly pool: warm --stopped and --suspended: machines at rest, started before others are made" {
  fly_start
  pool 'max = 4' 'when_idle = "stop"'
  plan warm --size 2 --stopped
  same "$(machines | jq -c '[.[].state]')" '["stopped","stopped"]'
  same "$(state '[.[].state] | unique')" '["stopped"]'
  same "$(state '[.[].price_per_second] | add')" 0
  plan warm --size 2 --stopped; same "$(wc -l <plan.txt)" 0
  plan warm --size 2; grep -q '/start$' plan.txt; same "$(creates)" 2
  expect 0 flame pool warm --size 2 --suspended
  same "$(machines | jq -c '[.[].state]')" '["suspended","suspended"]'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(creates)" 2
  expect 0 flame pool destroy --yes
  sed -i /when_idle/d flame.toml
  expect 125 flame pool warm --stopped; holds "$err" "when_idle"
  same "$(creates)" 2
  FLAME_BACKEND=local expect 125 flame pool warm --stopped; holds "$err" "keeps no stopped"
}

@test "fly pool: drain one generation; gc finds what was left behind, says its price, and ends it" {
  fly_start
  pool 'max = 2' 'surge = 2' 'when_idle = "stop"'
  expect 0 flame run "$samples/math.so" add 100 20
  old=$(state '.[0].generation' | tr -d '"')
  echo 'guest = "shared-cpu-2x"' >>flame.toml
  same "$(state '.[0].current')" false
  expect 0 flame pool drain --generation none-such --wait; same "$(state '.[0].state')" '"ready"'
  plan drain --generation "${old:0:6}"; grep -q '/stop$' plan.txt
  expect 0 flame pool drain --generation "${old:0:6}" --wait
  same "$(machines | jq -c '[.[].state]')" '["stopped"]'
  expect 0 flame pool warm
  expect 0 flame pool gc --json; same "$(jq -c '[.[] | {pool, state, price_per_second}]' "$out_file")" '[{"pool":"default","state":"stopped","price_per_second":0}]'
  same "$(count)" 1
  expect 0 flame pool gc; holds "$out" '0 left behind, $0.0000/h; 1 in order, $0.0061/h'
  # A machine whose runner is gone, and one of a pool that is not in this flame.toml.
  sed -i 's/^boot_timeout.*/boot_timeout = "5s"/' flame.toml
  api=$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines
  config=$(machines | jq -c '.[0].config | .init = {"exec": ["/bin/sleep", "1000"]} | .metadata.flame_pool = "lost"')
  curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$api" -d "{\"name\":\"flame-lost-0\",\"config\":$config}" >made
  curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$api/$(jq -r .id made)/wait?state=started&timeout=30" >/dev/null
  until flame pool gc --dry-run >plan && grep -q flame-lost-0 plan; do sleep 1; done
  grep -q 'flame-lost-0 *lost *started *\$0.0061/h *no runner answers on it' plan
  grep -q "^DELETE /v1/apps/demo/machines/$(jq -r .id made)?force=true\$" plan; grep -q '^price: \$-0.0061/h$' plan
  plan gc; grep -q DELETE plan.txt; same "$price" '$-0.0061/h'
  same "$(machines | jq -r '.[].name')" "$(state '.[].name' | tr -d '"')"
}

@test "fly pool: progress on a terminal, and the question before destroy" {
  fly_start
  pool 'max = 3'
  on_terminal() { python3 -c 'import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execvp("flame", ["flame", "pool", *sys.argv[2:]])
os.write(fd, sys.argv[1].encode() + b"\n")
seen = b""
try:
  while data := os.read(fd, 1000): seen += data
except OSError: pass
sys.stdout.buffer.write(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))' "$@"; }
  expect 0 on_terminal "" warm --size 2; holds "$out" "of 2 runners ready"
  expect 125 on_terminal n destroy; holds "$out" "Destroy 2 runners?"; same "$(count)" 2
  expect 0 on_terminal y destroy; same "$(count)" 0
}

@test "fly pool: logs of a machine by its name; wrong options are told" {
  fly_start
  pool
  expect 0 flame pool warm
  name=$(state '.[0].name' | tr -d '"')
  expect 0 flame pool logs "$name" -n 1; same "$(wc -l <"$out_file")" 1
  expect 125 flame pool logs nobody; holds "$err" "nobody"
  for wrong in 'status --dry-run' 'warm --wait' 'cool --yes' 'warm --stopped --started' 'drain --size 2' 'gc x'; do expect 125 flame pool $wrong; holds "$err" "flame pool"; done
}

@test "fly pool: what run --dry-run says is what a run then asks, and its price; nothing where a runner is ready" {
  fly_start
  pool 'guest = "performance-1x"' 'regions = ["iad"]'
  same "$(flame run --dry-run "$samples/math.so" add 100 20 | sed 1d | sed 's/ {.*//')" $'POST /v1/apps/demo/machines\nprice: $0.0458/h'
  before=$(requests)
  flame run --dry-run "$samples/math.so" add 100 20 | sed -n 's/^POST[^{]*//p' >body
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(changes_since "$before")" "POST /v1/apps/demo/machines"
  same "$(jq -cS '.config | del(.files, .stop_config)' body)" "$(machines | jq -cS '.[0].config | {auto_destroy, env, guest, image, init, metadata, restart}')"
  same "$(flame run --dry-run "$samples/math.so" add 100 20 | sed 1d)" 'price: $0.0000/h'
  # A function's wish is planned for, too.
  same "$(flame run --dry-run --guest performance-2x "$samples/math.so" add 1 2 | sed -n 's/^price: //p')" '$0.0917/h'
}

@test "fly pool: max_cost_per_hour: the first machine is judged by the price list, before it is bought" {
  fly_start
  pool 'regions = ["iad"]' 'max_cost_per_hour = 0.001'
  expect 125 flame run "$samples/math.so" add 100 20
  grep -Eq "^flame: one machine of the pool 'default' costs 0[.]003[0-9]* an hour, more than max_cost_per_hour allows" <<<"$err"
  same "$(grep -c '^flame: ' <<<"$err")" 1
  expect 125 flame map "$samples/math.so" add 100 <<<20; holds "$err" "max_cost_per_hour"
  expect 125 flame pool warm; holds "$err" "max_cost_per_hour"
  same "$(creates)" 0
  # Enough for one, and not for two.
  pool 'regions = ["iad"]' 'max_cost_per_hour = 0.004'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  seq 3 >in
  expect 0 flame map --min-runners 2 "$samples/math.so" add 100 <in
  same "$(creates)" 1
}
