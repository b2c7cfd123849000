# Shared by the tests of the engine Fly: an emulator of its API, a pool that uses it, questions to both.

fly_setup() { common_setup; fly_environment; }
fly_environment() {
  unset FLY_API_TOKEN FLY_ACCESS_TOKEN FLY_APP_NAME FLY_APP FLY_FLAPS_BASE_URL FLY_API_BASE_URL FLY_IMAGE_REF FLY_MACHINE_ID
  export TMPDIR=$work/tmp
  mkdir "$TMPDIR"
}
fly_teardown() {
  local found=0
  secrets_in_no_process || found=1
  if [ -n "${emulator:-}" ]; then kill "$emulator" 2>/dev/null || true; wait "$emulator" 2>/dev/null || true; fi
  token_nowhere || found=1  # whatever the test did
  unset FLY_API_TOKEN       # nobody is there to be asked
  common_teardown && [ "$found" = 0 ]
}

# fly_start [OPTION…]: an emulator whose app's image is this computer's root, and a pool that uses it.
fly_start() {
  flame-fly-emulator --fast -q --ready-file "$work/ready" "$@" >"$work/tmp/emulator.log" 2>&1 &
  emulator=$!
  until [ -e "$work/ready" ]; do kill -0 "$emulator"; sleep 0.02; done
  . "$work/ready"
}
# pool [LINE…]
pool() {
  printf '[pool.default]\nbackend = "fly"\nrunner = "%s"\nslots = 2\nboot_timeout = "50s"\n' "$FLAME_PREFIX/bin/flame-runner" >flame.toml
  for line in "$@"; do echo "$line" >>flame.toml; done
}
ask() { curl -sS --fail-with-body "$FLY_FLAPS_BASE_URL/_emulator/$@"; }
requests() { ask journal | jq ".requests | length"; }
creates() { ask journal | jq '[.requests[] | select(.method == "POST" and (.path | endswith("/machines")))] | length'; }
fault() { ask faults -d "$1" >/dev/null; }
# Those of ours, as the API lists them; its limit is shared with flame, so it may be asked again.
machines() {
  until curl -sSf -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/machines" >"$work/tmp/list" 2>"$work/tmp/why"; do
    grep -q ' 429' "$work/tmp/why" || { cat "$work/tmp/why"; return 1; }
    sleep 0.2
  done
  jq -c '[.[] | select(.config.metadata.flame_pool and .state != "destroyed" and .state != "destroying")]' "$work/tmp/list"
}
count() { machines | jq length; }
# The token is where it was given, and nowhere else; those of runners are in hints alone. All that a test has said is looked at,
# cores and traces that it left, too.
token_nowhere() {
  local found runners
  [ -n "${FLY_API_TOKEN:-}" ] || return 0
  found=$(grep -rlsF --exclude=ready --exclude-dir=tmp -D skip -e "${FLY_API_TOKEN#* }" "$work" || true)
  same "$found" "" || return 1
  runners=$(runner_tokens)
  [ -n "$runners" ] || return 0
  found=$(grep -rlsF --exclude-dir=tmp --exclude-dir=hints -D skip -f <(echo "$runners") "$work" || true)
  same "$found" ""
}
runner_tokens() { cat "$work"/run*/flame/hints/*/* 2>/dev/null | sed -n 's/^token[ =:]*//p' | sort -u; }
# Nor in any process's arguments, nor in a runner's or worker's environment.
secrets_in_no_process() {
  local found pid
  [ -n "${FLY_API_TOKEN:-}" ] || return 0
  found=$(grep -lsF -f <(runner_tokens; echo "${FLY_API_TOKEN#* }") /proc/[0-9]*/cmdline || true)
  for pid in $(pgrep -x 'flame-(runner|worker)'); do
    ! grep -qsF -f <(runner_tokens; echo "${FLY_API_TOKEN#* }") "/proc/$pid/environ" || found+=" environment of $pid"
  done
  same "$found" ""
}
# As in all tests; what was said is kept, to be looked through at the end.
eval "said_$(declare -f expect)"
expect() {
  local status=0
  said_expect "$@" || status=$?
  cat "$out_file" "$err_file" >>"$work/all-that-was-said" 2>/dev/null || true
  return $status
}

# pool_of PROGRAM [LINE…]: a pool whose machines run it in the runner's place.
pool_of() { pool "${@:2}"; sed -i "s|^runner.*|runner = \"$1\"|" flame.toml; }
# dying LINE…: a runner that says so, and what becomes of it
dying() { runner_does "$@"; pool_of "$work/dying"; }
runner_does() { { echo '#!/bin/sh'; printf '%s\n' "$@"; } >"$work/dying"; chmod +x "$work/dying"; }
# A machine's program as on Fly, $work/machine: beside a socket that speaks for the machine.
machine_with_api() {
  cat >"$work/machine" <<X
#!/bin/sh
mkdir -m 0777 /.fly
python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX); s.bind("/.fly/api"); s.listen(); os.chmod("/.fly/api", 0o777)'
exec $FLAME_PREFIX/bin/flame-runner "\$@"
X
  chmod +x "$work/machine"
}
# What has changed something since journal entry N, as "METHOD PATH", in the order that it came.
changes_since() { ask journal | jq -r ".requests[$1:][] | select(.method != \"GET\") | .method + \" \" + .path"; }
state() { flame pool status --json | jq -c "$1"; }
