#!/usr/bin/env bats
# flame.toml: where it is found, who wins, what is refused; and that its defaults are those of the man page.
load common
load golden
setup() {
  common_setup
  mkdir -p "$work/a/b" "$XDG_CONFIG_HOME/flame"
}
teardown() { common_teardown && nothing_rewritten; }

origin() { flame config --json "${@:2}" | jq -r ".$1 | \"\(.value) \(.origin)\""; }

@test "the nearest file upward, then the user's; flag over environment over file over default" {
  same "$(origin slots)" "0 default"
  printf '[pool.default]\nslots = 7\nidle_timeout = "9m"\n' >"$XDG_CONFIG_HOME/flame/flame.toml"
  same "$(origin slots)" "7 $XDG_CONFIG_HOME/flame/flame.toml:2"
  printf '# mine\n\n[pool.default]\nslots = 3\n[pool.big]\nslots = 30\nbackend = "local"\n' >flame.toml
  cd a/b
  same "$(origin slots)" "3 $work/flame.toml:4"
  same "$(origin idle_timeout)" "9m $XDG_CONFIG_HOME/flame/flame.toml:3"
  printf '[pool.default]\nslots = 2\n' >flame.toml
  same "$(origin slots)" "2 $work/a/b/flame.toml:2"
  rm flame.toml
  same "$(FLAME_POOL=big origin slots)" "30 $work/flame.toml:6"
  same "$(FLAME_POOL=nothing origin slots --pool big)" "30 $work/flame.toml:6"
  same "$(FLAME_POOL=big FLAME_BACKEND=other origin backend)" "other FLAME_BACKEND"
  holds "$(flame config --show-origin --pool big)" "[pool.big]  # flag"
  # What it prints is a flame.toml.
  flame config --pool big >"$work/printed"; mv "$work/printed" ../flame.toml
  same "$(origin slots --pool big)" "30 $work/a/flame.toml:7"
}

@test "the settings reach the runner" {
  printf '[pool.default]\nslots = 3\n[pool.other]\nslots = 5\n' >flame.toml
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
  same "$(flame pool status --json | jq -c '[.[] | .name, .slots]')" '["flame-default-0",3]'
  expect 0 flame run --pool other "$samples/math.so" add 1 2
  same "$(flame pool status --json --pool other | jq -c '[.[] | .name, .slots]')" '["flame-other-0",5]'
  flame pool destroy --yes --pool other
}

@test "changed settings make a new runner; the old one finishes its call and leaves" {
  flame run "$plugins/faults.so" sleep_ms 1500 >slow.txt &
  slow=$!
  until [ "$(flame pool status --json | jq '.[0].busy')" = 1 ]; do sleep 0.02; done
  old=$(flame pool status --json | jq -r '.[0].generation')
  printf '[pool.default]\nslots = 3\n' >flame.toml
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
  same "$(flame pool status --json | jq -c '[.[] | {name, current}]')" \
    '[{"name":"flame-default-0","current":false},{"name":"flame-default-1","current":true}]'
  [ "$(flame pool status --json | jq -r '.[1].generation')" != "$old" ]
  wait "$slow"
  same "$(cat slow.txt)" 1500
  until [ "$(flame pool status --json | jq length)" = 1 ]; do sleep 0.02; done
}

@test "env lists what every call gets; --env wins" {
  printf '[pool.default]\nenv = ["GIVEN", "NOT_SET"]\n' >flame.toml
  GIVEN=here OTHER=x expect 0 flame run "$plugins/faults.so" env GIVEN; same "$out" '"here"'
  GIVEN=here OTHER=x expect 0 flame run "$plugins/faults.so" env OTHER; same "$out" null
  GIVEN=here expect 0 flame run --env GIVEN=flag "$plugins/faults.so" env GIVEN; same "$out" '"flag"'
}

@test "what is wrong in a file: file, line, what is wanted, the nearest key" {
  try() { printf "$2" >flame.toml; refused "toml-$1" 125 flame run "$samples/math.so" add 1 2; }
  flame run --dry-run "$samples/math.so" add 1 2  # so that the plugin is known
  try unknown-key '[pool.default]\n\nidle_timout = "5m"\n'
  try unknown-top 'neds = "1"\n'
  try not-toml '[pool.default\n'
  try backtick '[`pool.default]\nmax = 1\n'
  try letter '[pool.default]\nmax = Ϙ\n'
  try too-deep "[pool.default]\nmounts = $(printf '%0.s[' {1..40})$(printf '%0.s]' {1..40})\n"
  try wrong-type '[pool.default]\nmax = "4"\n'
  try wrong-duration '[pool.other]\nidle_timeout = "soon"\n'
  try wrong-sandbox '[pool.default]\nsandbox = "loose"\n'
  try max-zero '[pool.default]\nmax = 0\n'
  try min-over-max '[pool.default]\nmin = 3\nmax = 2\n'
  try needs-newer 'needs = "99.1"\n[pool.default]\nfuture = 1\n'
  try key-outside '[pool]\nmax = 3\n'
  printf '[pool.small]\nslots = 1\n' >flame.toml
  refused toml-no-such-pool 125 flame run --pool smal "$samples/math.so" add 1 2
  refused pool-name 125 flame run --pool ../x "$samples/math.so" add 1 2
}

@test "amounts are whole or broken, and never less than nothing" {
  try() { printf '[pool.default]\nmax_cost_per_hour = %s\n' "$1" >flame.toml; }
  for amount in 0.5 12 0; do try "$amount"; same "$(origin max_cost_per_hour)" "$amount $work/flame.toml:2"; done
  for amount in -1 '"0.5"' inf nan true; do
    try "$amount"; expect 125 flame config
    holds "$err" "flame.toml:2: max_cost_per_hour wants an amount such as 0.5, got "
  done
  printf '[pool.default]\nspares = 2\n' >flame.toml
  expect 125 flame config; holds "$err" "spares is more than max, which is 1"
}

@test "x- keys, engines' keys and an old needs are no error" {
  printf 'needs = "0.1"\nx-team = 1\n[x-own]\na = 1\n[pool.default]\nx-note = "n"\nimage = "r/i:1"\nregions = ["ams"]\n' >flame.toml
  expect 0 flame run "$samples/math.so" add 1 2
  same "$(flame config --json | jq -c .regions.value)" '["ams"]'
}

@test "a file that others may write, or that is another's, is not used" {
  flame run --dry-run "$samples/math.so" add 1 2
  printf '[pool.default]\nslots = 3\n' >flame.toml
  chmod 666 flame.toml; refused toml-writable 125 flame run "$samples/math.so" add 1 2
  chmod 664 flame.toml; expect 125 flame run "$samples/math.so" add 1 2; holds "$err" "others may write"
  chmod 644 flame.toml; expect 0 flame run --dry-run "$samples/math.so" add 1 2
  rm flame.toml
  # A file of another user's: as root one is made; else root's own files are fine, and there is none of a third.
  if [ "$(id -u)" = 0 ]; then
    printf '[pool.default]\nslots = 3\n' >flame.toml; chown 12345 flame.toml
    refused toml-foreign 125 flame run "$samples/math.so" add 1 2
  fi
}

@test "the man page states the defaults of the code, for every key and no other" {
  cd /
  flame config | sed '1d; s/ = / /' | sort >"$work/code.txt"
  sed -n 's/^\*\([a-z_]*\)\* (.*, default \*\(.*\)\*)$/\1 \2/p' "$BATS_TEST_DIRNAME/../../man/flame.toml.5.scd" | tr -d '\\' | sort | diff "$work/code.txt" -
  engine=$(sed -n 's/.*name = "\([a-z_]*\)", .kind = Kind::engine}.*/\1/p' "$BATS_TEST_DIRNAME/../../client/config/pool_keys.cpp")
  [ "$(wc -w <<<"$engine")" -ge 13 ]
  for key in $engine; do grep -q "\*$key\*" "$BATS_TEST_DIRNAME/../../man/flame.toml.5.scd" || { echo "no $key"; false; }; done
}

@test "a fly.toml or FLY_* alone: this computer's engine, said once how to switch" {
  echo 'app = "x"' >fly.toml
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
  golden fly-advice
  flame pool destroy --yes
  FLY_API_TOKEN=t expect 0 flame run "$samples/math.so" add 1 2; same "$err" ""
  same "$(flame pool status --json | jq -r '.[0].backend')" local
}
