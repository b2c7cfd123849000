#!/usr/bin/env bash
# The engine Fly against flame-fly-emulator with published latencies and limits: P10 (our share of a cold call), P11 (requests of warm
# calls), P12 (callers at once), P13 (stopped machines to ready), P18 (what an image gains), and a warm call against the local engine's.
. "$(dirname "$0")/common.bash"
rounds=${1:-5} callers=${2:-50} stopped=${3:-100}
runner=$FLAME_BUILD/stage/usr/local/bin/flame-runner
unset FLY_IMAGE_REF FLY_MACHINE_ID FLY_ACCESS_TOKEN FLY_APP FLY_API_BASE_URL
# emulator [OPTION…]
emulator() {
  rm -f ready
  flame-fly-emulator -q --ready-file ready "$@" >emulator.log 2>&1 & peers=($!)
  until_true test -s ready
  . ./ready
}
no_emulator() { kill "${peers[0]}"; wait "${peers[0]}" 2>/dev/null || true; peers=(); rm -rf "$XDG_RUNTIME_DIR"/flame; }
pool() { printf '[pool.default]\nbackend = "fly"\nrunner = "%s"\nboot_timeout = "5m"\n' "$runner" >flame.toml; printf '%s\n' "$@" >>flame.toml; }
ask() { curl -sSf "$FLY_FLAPS_BASE_URL/_emulator/$1"; }
now_ms() { date +%s%3N; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
# Of the latest boot: from the create's arrival to the machine's start, by the engine's own times.
engine_ms() {
  local create started
  create=$(ask journal | jq '[.requests[] | select(.method == "POST" and (.path | endswith("/machines")) and .status == 200)] | last | .when_ms')
  id=$(ask machines | jq -r '[.machines[] | select(.name | startswith("flame-"))] | last | .id')
  started=$(curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/demo/machines/$id/events" |
    jq '[.[] | select(.type == "start" and .status == "started")][0].timestamp')
  echo $((started - create))
}
echo "cores: $(nproc), load: $(cut -d' ' -f1-3 /proc/loadavg)"

emulator
pool 'max = 1'
for _ in $(seq "$rounds"); do
  from=$(now_ms)
  flame run "$samples/math.so" add 2 40 >/dev/null
  whole=$(($(now_ms) - from)) engine=$(engine_ms)
  echo "$((whole - engine)) $whole" >>shares
  flame pool destroy --yes
  sleep 3  # the budgets are whole again
done
echo "P10: a cold call, $rounds rounds: our share $(cut -d' ' -f1 shares | median) ms of $(cut -d' ' -f2 shares | median) ms (target 60, then 25)"

flame run "$samples/math.so" add 2 40 >/dev/null
before=$(ask journal | jq '.requests | length')
for _ in $(seq 100); do flame run "$samples/math.so" add 2 40 >/dev/null; done
echo "P11: 100 warm calls: $(($(ask journal | jq '.requests | length') - before)) requests (target 0)"
FLAME_BACKEND=local flame pool warm
"$programs/measure" $((rounds * 20)) <<LIST
local engine: flame run math.so add 2 40 | env FLAME_BACKEND=local flame run $samples/math.so add 2 40 | 0 |
Fly: flame run math.so add 2 40 (target 1.3x) | env FLAME_BACKEND=fly flame run $samples/math.so add 2 40 | 0 |
LIST
FLAME_BACKEND=local flame pool destroy --yes
flame pool destroy --yes
no_emulator

emulator
pool 'max = 10' 'surge = 0' 'slots = 2'
from=$(now_ms)
for i in $(seq "$callers"); do flame run "$plugins/faults.so" sleep_ms 1000 >"out.$i" 2>"err.$i" & calls[i]=$!; done
lost=0
for i in $(seq "$callers"); do wait "${calls[i]}" || { lost=$((lost + 1)); cat "err.$i"; }; done
echo "P12: $callers callers at once, cold, max 10: $(ask machines | jq '[.machines[] | select(.name | startswith("flame-"))] | length') machines (target 10 at most), $lost lost (0)," \
  "$(ask journal | jq '[.requests[] | select(.method == "POST" and (.path | endswith("/machines")) and .status >= 400)] | length') refused creates (3), $(($(now_ms) - from)) ms"
flame pool destroy --yes
no_emulator

# Light machines only say hello: a hundred real ones would measure this computer.
emulator --light --set limits=0
pool "max = $stopped" 'surge = 0' 'when_idle = "stop"' 'port = 8080'
flame pool warm --size "$stopped" --stopped
ask settings >/dev/null; curl -sSf "$FLY_FLAPS_BASE_URL/_emulator/settings" -d '{"limits":1}' >/dev/null
sleep 3
seen=$(ask journal | jq '.requests | length')
from=$(now_ms)
flame pool warm --size "$stopped"
whole=$(($(now_ms) - from))
# The least that the limits and latencies allow: the slowest start, by the engine's own times.
first=$(ask journal | jq "[.requests[$seen:][] | select(.path | endswith(\"/start\"))] | map(.when_ms) | min")
last=$(ask machines | jq -r '.machines[] | select(.name | startswith("flame-")).id' | while read -r id; do
  curl -sSf -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/demo/machines/$id/events" |
    jq '[.[] | select(.type == "start" and .status == "started")][0].timestamp'
done | sort -n | tail -1)
echo "P13: $stopped stopped machines to ready: $whole ms; the engine's own part $((last - first)) ms: ratio $(awk "BEGIN {printf \"%.2f\", $whole / ($last - $first)}") (target 1.2)," \
  "$(ask journal | jq "[.requests[$seen:][] | select(.status == 429)] | length") refused"
flame pool destroy --yes
no_emulator

total=0
for program in "$runner" "$FLAME_BUILD/stage/usr/local/libexec/flame/flame-worker"; do
  strip -o stripped "$program"
  size=$(stat -c %s stripped) total=$((total + size))
  echo "P18: $(basename "$program"), stripped: $((size / 1024)) KiB"
done
echo "P18: what an image gains: $((total / 1024)) KiB (target 6144, then 4096)"
