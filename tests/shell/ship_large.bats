#!/usr/bin/env bats
# Sending large plugins: over a link that breaks, with its progress shown, within little memory; and files that change while they run.
load common
load terminal
load fly
load relay
setup() {
  common_setup
  mkdir private hidden bin
}
teardown() {
  [ -z "${relay:-}" ] || kill "$relay" 2>/dev/null || true
  if [ -n "${emulator:-}" ]; then kill "$emulator" 2>/dev/null || true; wait "$emulator" 2>/dev/null || true; fi
  close_terminal
  FLAME_BACKEND=own flame pool destroy --yes >/dev/null 2>&1 || true
  common_teardown
}

# apart COMMAND…: where $work/private holds what $work/hidden does; the runner sees an empty folder there.
apart() {
  local flags=-rm
  [ "$(id -u)" -eq 0 ] && flags=-m
  unshare $flags --propagation private sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh "$work/hidden" "$work/private" "$@"
}
# A plugin of many bytes: what stands behind the tables is read by nobody.
large() { { cat "$samples/math.so"; head -c "$2" /dev/urandom; } >"$1"; }

@test "a link that breaks in mid-shipment: the next goes on where it stopped" {
  through_relay cut 8000000
  large hidden/large.so 20000000
  expect 0 apart flame run private/large.so add 1 2; same "$out" 3; same "$err" ""
  cmp hidden/large.so "$XDG_RUNTIME_DIR"/flame/local-*/flame-default-0.store/blobs/*.so
  # Two links carried it; together hardly more than once.
  sent=$(awk '/^[0-9]/ && $1 > 1000000 {n += $1; links++} END {print links, (n < 22000000)}' relay.log)
  same "$sent" "2 1"
}

@test "on a terminal the progress of a large shipment is shown, and gone when it is over" {
  through_relay hold 8000000 "$work/gate"
  mkfifo gate
  large hidden/large.so 20000000
  printf '%s\n' "$(declare -f apart)" "work=$work" 'apart flame run private/large.so add 1 2; echo "status $?"; exec cat' >script
  open_terminal 100 20 bash script
  sees 'bytes of the plugin sent'
  echo >gate
  sees 'status 0'
  same "$(screen | head -2)" "3
status 0"
}

@test "100 MB within 40 MiB of memory on each side" {
  plain_build_only "a sanitizer's shadow takes more"
  flame pool warm
  large hidden/huge.so 100000000
  pid=$(flame pool status --json | jq '.[0].pid')
  apart python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' flame run private/huge.so add 1 2 >told
  same "$(head -1 told)" 3
  runner=$(awk '/VmHWM/ {print $2}' "/proc/$pid/status")
  echo "flame $(tail -1 told) KiB, flame-runner $runner KiB"
  [ "$(tail -1 told)" -lt 40960 ] && [ "$runner" -lt 40960 ]
}

@test "a plugin that is written to in place while a call runs: that is said, and the runner goes on" {
  cp "$plugins/faults.so" it.so; mkfifo held
  flame run ./it.so hold "$work/held" >out 2>err & run=$!
  exec 7>held
  cat "$samples/math.so" >it.so
  exec 7>&-
  wait "$run" || true  # it may have died of it, and may not
  holds "$(cat err)" "it.so' was written to in place while the call ran: its bytes may have been mixed"
  expect 0 flame run ./it.so add 1 2; same "$out" 3
}

@test "fly: a machine whose image lacks the plugin gets it, once" {
  fly_environment
  fly_start
  printf '[pool.default]\nbackend = "fly"\nrunner = "%s"\nboot_timeout = "50s"\n' "$FLAME_PREFIX/bin/flame-runner" >flame.toml
  cp "$samples/math.so" hidden/math.so
  expect 127 apart flame run --no-ship private/math.so add 1 2
  expect 0 apart flame run -v private/math.so add 1 2; same "$out" 3; grep -q '^flame: ship' "$err_file"
  expect 0 apart flame run -v private/math.so add 1 3; same "$out" 4; ! grep -q '^flame: ship' "$err_file"
  expect 0 flame pool destroy --yes
}
