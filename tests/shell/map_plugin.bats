#!/usr/bin/env bats
# flame map and its plugin: sent where it is lacking, replaced in mid-run, only in the image, crashed.
load common
setup() { common_setup; mkdir private hidden; }
teardown() { common_teardown; }

fmap() { timeout -k 1 120 flame map "$@"; }
until_true() { for _ in $(seq 3000); do "$@" 2>/dev/null && return; sleep 0.01; done; echo "never came true: $*"; return 1; }
has_busy() { [ "$(flame pool status --json | jq '.[0].busy')" = "$1" ]; }
# In a mount namespace of its own, where private holds what hidden does: the runner sees an empty folder there.
apart() { unshare $([ "$(id -u)" -eq 0 ] && echo -m || echo -rm) --propagation private sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$work/hidden" "$work/private" "$@"; }
sent() { find "$XDG_RUNTIME_DIR"/flame/local-*/flame-default-*.store/blobs -type f 2>/dev/null | wc -l; }

@test "a plugin that a runner lacks is sent to each, once; what travels with it too" {
  flame pool warm
  cp "$samples/math.so" "$plugins/travels.so" "$plugins/libshipped.so" hidden; echo hello >hidden/data.txt
  seq 5000 >in
  apart timeout 60 flame map private/math.so add 1 <in >got
  seq 2 5001 | cmp - got; same "$(sent)" 1
  expect 0 apart timeout 60 flame map private/math.so add 1 <in; same "$(sent)" 1; same "$err" ""
  printf '[]\n[]\n' >in
  expect 0 apart timeout 60 flame map --from json private/travels.so from_library <in; same "$out" $'4711\n4711'
  echo data.txt >in
  expect 0 apart timeout 60 flame map --with private/data.txt private/travels.so from_file <in; same "$out" '"hello\n"'
  flame pool destroy --yes
  # Two runners, each of which needs it.
  yes 50 | head -n 60 >in; cp "$plugins/faults.so" hidden
  apart timeout 60 flame map --min-runners 2 --max-runners 2 --to json private/faults.so sleep_ms <in >got
  same "$(jq -r .runner got | sort -u | wc -l)" 2; same "$(jq .result got | sort | uniq -c | tr -s ' ')" " 60 50"
}

@test "a large plugin is sent while the input waits; --no-ship and image: never send it" {
  flame pool warm
  { cat "$samples/math.so"; head -c 20000000 /dev/urandom; } >hidden/large.so
  seq 3 >in
  expect 127 apart timeout 60 flame map --no-ship private/large.so add 1 <in; holds "$err" "$work/private/large.so"
  expect 127 apart timeout 60 flame map "image:$work/private/large.so" add 1 <in; same "$(sent)" 0
  expect 0 apart timeout 60 flame map private/large.so add 1 <in; same "$out" $'2\n3\n4'; same "$(sent)" 1
}

@test "image: a plugin that is there is used, unread; wrong words are wrong usage" {
  seq 3 >in
  expect 0 fmap "image:$samples/math.so" add 1 <in; same "$out" $'2\n3\n4'
  expect 127 fmap "image:$samples/math.so" ad 1 <in; holds "$err" "did you mean 'add'"
  expect 2 fmap image:math.so add 1 <in; holds "$err" "absolute path"
  expect 2 fmap --with in "image:$samples/math.so" add 1 <in; holds "$err" "--with"
}

@test "replaced in mid-run: every item runs with the old bytes, by new workers too, and that is said" {
  cp "$plugins/mapped.so" it.so
  for i in 1 2 3 4 5 6; do mkfifo "gate$i"; echo "gate:$work/gate$i"; done >in
  fmap --raw it.so gate <in >out 2>err & pid=$!
  until_true has_busy 2
  cp "$samples/math.so" new.so; mv new.so it.so   # it has no such function
  for nanny in $(pgrep -P "$(flame pool status --json | jq '.[0].pid')"); do pkill -KILL -P "$nanny"; done
  for i in 3 4 5 6; do : >"gate$i"; done
  status=0; wait "$pid" || status=$?
  same "$status" 123
  same "$(cat out)" "$(tail -n +3 in)"
  same "$(grep -c '^flame: item' err)" 2; holds "$(cat err)" "it.so' was replaced while it ran"
  # A new map is of the new plugin.
  expect 127 fmap it.so gate <in; holds "$err" gate
}

@test "replaced in mid-run, and a runner that lacks it comes later: it is sent the bytes that the map began with" {
  cp "$plugins/mapped.so" hidden/it.so
  for i in $(seq 20); do mkfifo "gate$i"; echo "gate:$work/gate$i"; done >in
  flame pool warm; first=$(flame pool status --json | jq '.[0].pid'); slots=$(flame pool status --json | jq '.[0].slots')
  apart timeout -k 1 120 flame map --raw private/it.so gate <in >out 2>err & pid=$!
  until_true has_busy 2
  cp "$samples/math.so" hidden/new.so; mv hidden/new.so hidden/it.so   # it has no such function
  kill -KILL "$first"
  for i in $(seq 20); do (: >"gate$i") & openers+=($!); done
  status=0; wait "$pid" || status=$?
  kill "${openers[@]}" 2>/dev/null || true; wait "${openers[@]}" || true
  same "$status" 123
  # What was with the first runner is lost, and told: two calls for a slot, for what it sent back at first is no sign of haste.
  # All else is done, by the second.
  lost=$(grep -c '^flame: item.*went away' err)
  same "$(grep -c '^flame: item' err)" "$lost"
  same "$(cat out)" "$(tail -n +$((lost + 1)) in)"
  [ "$lost" -ge 2 ]; [ "$lost" -le $((2 * slots)) ]
  holds "$(cat err)" "it.so' was replaced while it ran"
}

@test "a crash is told by its place in the source, once the work is done; the first three of them" {
  yes '[]' | head -n 6 >in
  expect 123 fmap --from json "$plugins/crashes.so" null_write <in
  same "$(grep -c '^flame: item [1-6] ' "$err_file")" 6
  same "$(grep -c 'where it crashed' "$err_file")" 3
  holds "$err" "null_write"; holds "$err" "crashes.c:"
}
