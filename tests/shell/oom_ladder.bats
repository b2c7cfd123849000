#!/usr/bin/env bats
# oom_ladder: what died of memory goes to the next greater guest, and its function begins there the next time.
load common
setup() {
  plain_build_only "a sanitizer's shadow takes more"
  common_setup
  # The local engine's runners, with memory for their workers by guest.
  mkdir bin
  runner() { printf '#!/bin/sh\nexec %s "$@" --worker-memory-bytes %s\n' "$FLAME_PREFIX/bin/flame-runner" "$2" >"$1"; chmod +x "$1"; }
  runner small 100000000; runner medium 250000000; runner large 400000000
  {
    echo '#!/bin/sh'
    echo "exec sed -u -e '/\"guest\":\"large-2x\"/s|\"runner_path\":\"[^\"]*|\"runner_path\":\"$work/large|;t' \\"
    echo "  -e '/\"guest\":\"medium\"/s|\"runner_path\":\"[^\"]*|\"runner_path\":\"$work/medium|;t' \\"
    echo "  -e 's|\"runner_path\":\"[^\"]*|\"runner_path\":\"$work/small|' | $FLAME_PREFIX/libexec/flame/flame-backend-local"
  } >bin/flame-backend-own
  sed -i 's/^exec sed/sed/' bin/flame-backend-own
  chmod +x bin/flame-backend-own
  export PATH=$work/bin:$PATH FLAME_BACKEND=own
  printf '[pool.default]\nslots = 1\nmax = 2\noom_ladder = ["medium", "large-2x"]\n' >flame.toml
  memory=$XDG_STATE_HOME/flame/guests.json
}
teardown() {
  for pool in default default-medium default-large-2x; do flame pool destroy --yes --pool "$pool" || true; done
  common_teardown
}
fmap() { timeout -k 1 120 flame map "$@"; }
ready() { flame pool status --json --pool "$1" | jq length; }

@test "run: an idempotent call goes up until it fits; then its function begins there" {
  expect 0 flame run "$plugins/faults.so" alloc_again 300000000; same "$out" 300000000
  holds "$err" "alloc_again was killed: its worker took"
  holds "$err" "it is called again on the guest medium"; holds "$err" "; guest: medium; it is called again on the guest large-2x"
  same "$(jq -c . "$memory")" '{"own default faults.so alloc_again":"large-2x"}'
  same "$(stat -c %a "$memory")" 600
  expect 0 flame run "$plugins/faults.so" alloc_again 300000000; same "$out" 300000000; same "$err" ""
  # Another function of it begins at the bottom; the runners of a guest are a pool.
  expect 0 flame run "$plugins/faults.so" alloc_again 1
  same "$(ready default) $(ready default-medium) $(ready default-large-2x)" "1 1 1"
  expect 125 flame pool status --pool default-other; holds "$err" "there is no pool 'default-other'"
}

@test "run: the top of the ladder is the end, and the guest is named" {
  expect 137 flame run --cause-fd 3 "$plugins/faults.so" alloc_again 600000000 3>cause.json
  same "$(jq -r .kind cause.json)" out_of_memory
  holds "$err" "guest: large-2x"
  same "$out" ""
}

@test "run: a call that is not idempotent is not repeated; the next one begins higher" {
  expect 137 flame run "$plugins/faults.so" alloc 200000000
  holds "$err" "the next call of alloc begins on the guest medium"; same "$(ready default-medium)" 0
  expect 0 flame run "$plugins/faults.so" alloc 200000000; same "$out" 200000000; same "$err" ""
}

@test "run: input that is gone is not asked for twice; what cannot be read is not remembered" {
  mkdir -p "${memory%/*}"; echo nonsense >"$memory"
  expect 0 flame run "$plugins/faults.so" alloc_again 200000000; same "$out" 200000000
  same "$(jq -r '.[]' "$memory")" medium
  echo '{"own default faults.so alloc_again":"gone"}' >"$memory"
  expect 0 flame run "$plugins/faults.so" alloc_again 1; same "$out" 1; same "$(ready default)" 1
}

@test "map: the items that need more go up, the others stay; the next map begins higher" {
  printf '%s\n' 1 2 300000000 3 200000000 4 >in
  expect 0 fmap --to json "$plugins/faults.so" alloc_again <in
  same "$(jq -c .result "$out_file" | tr '\n' ' ')" "1 2 300000000 3 200000000 4 "
  holds "$err" "such items run again on the guest medium"; holds "$err" "such items run again on the guest large-2x"
  same "$(jq -r 'select(.result < 10) | .runner' "$out_file" | sed 's/-[0-9]*$//' | sort -u)" flame-default
  same "$(jq -r 'select(.result == 300000000) | .runner' "$out_file" | sed 's,-[0-9]*$,,')" flame-default-large-2x
  expect 0 fmap --to json "$plugins/faults.so" alloc_again <<<1
  same "$(jq -r .runner "$out_file" | sed 's,-[0-9]*$,,')" flame-default-large-2x
}

@test "map: what is too large for all fails as such, and what is not idempotent at once" {
  printf '%s\n' 1 600000000 2 >in
  expect 123 fmap "$plugins/faults.so" alloc_again <in
  same "$out" $'1\n2'; holds "$err" "item 2 '600000000': alloc_again was killed"
  expect 123 fmap "$plugins/faults.so" alloc <in
  same "$out" $'1\n2'; same "$(jq -r '.["own default faults.so alloc"]' "$memory")" medium
}
