#!/usr/bin/env bats
# `flame pool keep` on this computer: what it keeps, restores, replaces and leaves.
load common
load keep
setup() { common_setup; }
teardown() { for job in $(jobs -p); do kill -9 "$job" 2>/dev/null || true; done; common_teardown; }

pool() { printf '[pool.default]\nmin = 2\nmax = 3\nslots = 1\n' >flame.toml; for line in "$@"; do echo "$line" >>flame.toml; done; }

@test "keep: min runners are there, also after kills; they stay beyond idle_timeout, and when it ends" {
  pool 'idle_timeout = "1s"'
  keep a
  await_said a '.event == "runner_ready"' 2
  await_status '[.[] | {name, state}]' '[{"name":"flame-default-0","state":"ready"},{"name":"flame-default-1","state":"ready"}]'
  before=$(status '[.[].pid]')
  # Nobody asks them meanwhile: that would keep them, too.
  aged "$(jq '.[0]' <<<"$before")" 5
  same "$(status '[.[].pid]')" "$before"
  kill -9 "$(status '.[0].pid')"
  await_said a '.event == "runner_lost" and .runner == "flame-default-0"'
  await_said a '.event == "runner_ready"' 3
  kill -9 $(status '.[].pid')
  await_said a '.event == "runner_ready"' 5
  await_status '[.[].state]' '["ready","ready"]'
  before=$(status '[.[].pid]')
  stop a
  same "$(status '[.[].pid]')" "$before"
  jq -e 'has("ts") and has("level") and has("event")' a.log >/dev/null
}

@test "keep: spares are ready while others work, and leave by themselves afterwards" {
  pool 'idle_timeout = "1s"'; sed -i 's/min = 2/min = 0/' flame.toml
  keep a --spares 1
  await_said a '.event == "runner_ready"'
  flame run "$plugins/faults.so" sleep_ms 3000 >out &
  call=$!
  await_said a '.event == "runner_ready"' 2
  await_status '[.[] | .busy] | sort' '[0,1]'
  wait "$call"; same "$(cat out)" 3000
  await_said a '.event == "runner_gone"'
  await_status '[.[] | .state]' '["ready"]'
  stop a
}

@test "keep: new settings: the new come first, then the old drain; what runs is finished; max + surge names" {
  pool 'surge = 1'
  keep a
  await_said a '.event == "runner_ready"' 2
  flame run "$plugins/faults.so" sleep_ms 4000 >out &
  call=$!
  until [ "$(status '[.[].busy] | add')" = 1 ]; do sleep 0.02; done
  old=$(status '.[0].generation')
  sed -i 's/slots = 1/slots = 2/; s/max = 3/max = 2/' flame.toml
  most=0
  until [ "$(said a '.event == "drain"')" = 2 ]; do n=$(status length); [ "$n" -le "$most" ] || most=$n; done
  [ "$most" -le 3 ]
  # Each drain has a new runner before it; the idle one went first.
  jq -c 'select(.event == "drain" or (.event == "runner_ready")) | .event' a.log | tail -n +3 | tr -d '\n' >order
  same "$(cat order)" '"runner_ready""drain""runner_ready""drain"'
  same "$(jq -c 'select(.event == "drain") | .busy' a.log | tr '\n' ' ')" "0 1 "
  wait "$call"; same "$(cat out)" 4000
  await_status "[.[] | [.current, .slots]]" '[[true,2],[true,2]]'
  [ "$(status '.[0].generation')" != "$old" ]
  # What cannot be read, or cannot be, changes nothing.
  cp flame.toml good; sed -i 's/^min/backend = "Not A Name"\nmin/' flame.toml
  await_said a '.event == "settings_error" and (.why | contains("Not A Name"))'
  kill -0 "$a"; cp good flame.toml
  echo 'slots = "many"' >>flame.toml
  await_said a '.event == "settings_error"'
  kill -0 "$a"
  sed -i '$d' flame.toml
  stop a
}

@test "keep: the second waits, and goes on when the first is killed; no runner is made twice" {
  pool
  keep a
  await_said a '.event == "runner_ready"' 2
  keep b
  await_said b '.event == "runner_known"' 2
  same "$(said b '.event == "acting"')" 0
  kill -9 $(status '.[].pid')
  await_said a '.event == "runner_ready"' 4
  same "$(said b '.event == "decision"')" 0
  kill -9 "$a"
  await_said b '.event == "acting"'
  kill -9 "$(status '.[0].pid')"
  await_said b '.event == "runner_ready"'
  await_status '[.[].state]' '["ready","ready"]'
  stop b
}

@test "keep: runners that do not come up: the reason is told, the pause grows" {
  cp -a "$FLAME_PREFIX" inst
  printf '#!/bin/sh\necho "no disk for that" >&2\nexit 3\n' >inst/bin/flame-runner
  pool; sed -i 's/min = 2/min = 1/' flame.toml
  PATH=$work/inst/bin:$PATH keep a
  await_said a '.event == "boot_failed"' 3
  same "$(jq -c 'select(.event == "boot_failed") | .next_in_ms' a.log | head -3 | tr '\n' ' ')" "250 500 1000 "
  await_said a '.event == "runner_log" and (.text | contains("no disk for that"))'
  # Nothing was tried in a pause: three failures are three boots.
  stop a
}

@test "keep: one that leaves by its max_lifetime is replaced, and that is no failure" {
  pool 'max_lifetime = "2s"'; sed -i 's/min = 2/min = 1/' flame.toml
  keep a
  await_said a '.event == "runner_leaves"'
  await_said a '.event == "runner_ready"' 2
  same "$(said a '.event == "boot_failed" or .event == "runner_lost"')" 0
  stop a
}

@test "keep: many that end together are one failure, and are back together" {
  pool; sed -i 's/min = 2/min = 3/' flame.toml
  keep a
  await_said a '.event == "runner_ready"' 3
  kill -9 $(status '.[].pid')
  await_said a '.event == "runner_ready"' 6
  same "$(jq -c 'select(.event == "boot_failed") | .next_in_ms' a.log | sort -u)" 250
  stop a
}

@test "keep: a list that shows its own runner before the boot is answered: still a boot of its own" {
  pool; sed -i 's/min = 2/min = 1/' flame.toml
  mkfifo answer_gate; mkdir -p bin
  cat >bin/flame-backend-late <<B
#!/bin/sh
"$FLAME_PREFIX/libexec/flame/flame-backend-local" | while read -r line; do
  case "\$line" in *'"machine":'*) { cat "$work/answer_gate"; printf '%s\n' "\$line"; } & ;; *) printf '%s\n' "\$line" ;; esac
done
B
  chmod +x bin/flame-backend-late
  PATH=$work/bin:$PATH FLAME_BACKEND=late keep a
  await_said a '.event == "runner_known"'
  same "$(said a '.event == "runner_ready"')" 0
  : >answer_gate
  await_said a '.event == "runner_ready" and .boot_ms > 0'
  same "$(jq -r 'select(.runner) | .event + " " + .runner' a.log)" "$(printf '%s\n' runner_{known,ready} | sed "s/$/ $(status '.[0].name' | tr -d '"')/")"
  stop a
}

@test "keep: a silent runner that is found where another is to be booted is none of its boots, and stays" {
  pool; flame pool warm
  old=$(status '.[0].pid')
  kill -STOP "$old"  # it says no hello for now
  keep a
  await_said a '.event == "runner_ready"'  # in its place
  kill -CONT "$old"
  await_said a '.event == "runner_known"' 2
  same "$(jq -r 'select(.runner) | .event + " " + .runner' a.log)" "$(printf '%s\n' 'runner_known flame-default-1' 'runner_silent flame-default-0' \
    'runner_ready flame-default-2' 'runner_known flame-default-0')"
  same "$(status '[.[].pid] | length')" 3
  kill -0 "$old"
  stop a
}

@test "keep: wrong words and a pool that cannot be are told at once" {
  for wrong in '--spares x' '--spares' '--size 2' '--dry-run' '--yes' 'x'; do expect 125 flame pool keep $wrong; holds "$err" "flame pool"; done
  expect 125 flame pool warm --spares 1; holds "$err" "--spares is for 'keep'"
  FLAME_BACKEND=nowhere expect 125 flame pool keep; holds "$err" "no backend 'nowhere'"
}

@test "keep: /metrics and /healthz, at a port and at a socket; slow and wrong peers hold nobody up" {
  pool
  keep a --listen 0
  await_said a '.event == "runner_ready"' 2
  url=http://$(jq -r 'select(.event == "listening") | .address' a.log); holds "$url" 127.0.0.1
  same "$(curl -sS "$url/healthz")" acting
  curl -sS "$url/metrics" >page
  grep -qxF 'flame_pool_runners{pool="default",state="ready",generation="current"} 2' page
  grep -qxF 'flame_pool_boots_total{pool="default",end="ready"} 2' page
  grep -qxF 'flame_pool_slots{pool="default"} 2' page
  ! grep -vE '^(# (HELP|TYPE) flame_pool_[a-z_]+ .*|flame_pool_[a-z_]+\{pool="default"(,[a-z]+="[a-z]+")*\} [0-9.e+-]+)$' page
  same "$(curl -s -o /dev/null -w '%{http_code}' "$url/x")" 404
  same "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url/metrics")" 405
  same "$(curl -s -o /dev/null -w '%{http_code}' -H "X: $(head -c 5000 /dev/zero | tr '\0' x)" "$url/metrics")" 431
  same "$(curl -sI "$url/healthz" | head -1 | tr -d '\r')" "HTTP/1.1 200 OK"
  # Sixty that say half a word and stay; and one that says nothing of HTTP.
  python3 - "${url#http://127.0.0.1:}" <<'P'
import socket, sys, urllib.request
port = int(sys.argv[1])
slow = []
for n in range(60):
    s = socket.create_connection(("127.0.0.1", port)); s.sendall(b"GET /met"); slow.append(s)
for n in range(5):
    assert urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=20).read() == b"acting\n"
s = socket.create_connection(("127.0.0.1", port)); s.sendall(b"hello\r\n\r\n")
assert s.recv(100).startswith(b"HTTP/1.1 400 ")
# Those that are slow are let go in the end.
assert slow[-1].recv(100) == b""
P
  expect 125 flame pool keep --listen "${url#http://}"; holds "$err" "cannot listen"
  keep b --listen "unix:$work/keep.sock"
  await_said b '.event == "runner_known"' 2
  same "$(curl -sS --unix-socket keep.sock http://x/healthz)" standby
  same "$(stat -c %a keep.sock)" 600
  expect 125 flame pool keep --listen "unix:$work/keep.sock"; holds "$err" "cannot listen"
  kill -9 "$b"; wait "$b" || true
  keep b --listen "unix:$work/keep.sock"  # what one that was killed left is no hindrance
  await_said b '.event == "listening"'
  stop b; [ ! -e keep.sock ]
  expect 125 flame pool keep --listen here; holds "$err" "--listen wants"
  stop a
}

@test "keep: not well while runners do not come up: /healthz is 503 and says why" {
  cp -a "$FLAME_PREFIX" inst
  printf '#!/bin/sh\nexit 3\n' >inst/bin/flame-runner
  pool
  PATH=$work/inst/bin:$PATH keep a --listen "unix:$work/keep.sock"
  await_said a '.event == "boot_failed"'
  same "$(curl -sS -o page -w '%{http_code}' --unix-socket keep.sock http://x/healthz)" 503
  holds "$(cat page)" "ended before its hello"
  stop a
}

@test "keep: systemd is told: ready, status, alive, stopping; by a path and by an abstract name" {
  pool
  cat >service.py <<'P'
import os, signal, socket, subprocess, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\0" + name[1:] if name[0] == "@" else name)
s.settimeout(60)
child = subprocess.Popen(["flame", "pool", "keep"], env={**os.environ, "NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"}, stderr=subprocess.DEVNULL)
seen = []
def until(wanted):
    while seen.count(wanted) < 1: seen.append(s.recv(1000).decode())
until("READY=1")
until("STATUS=min = 2: 2 ready, 0 coming")
seen.clear(); until("WATCHDOG=1"); seen.clear(); until("WATCHDOG=1")
# Programs that it started know nothing of the socket.
for line in subprocess.run(["pgrep", "-P", str(child.pid)], capture_output=True, text=True).stdout.split():
    assert b"NOTIFY_SOCKET" not in open(f"/proc/{line}/environ", "rb").read()
child.send_signal(signal.SIGTERM)
until("STOPPING=1")
sys.exit(child.wait())
P
  expect 0 python3 service.py "$work/notify"
  expect 0 python3 service.py "@flame-test-$$-$RANDOM"
  # The unit that is installed names what is there.
  unit=$samples/flame-pool-keep.service
  grep -q '^Type=notify$' "$unit"
  options=$(sed -n 's/^ExecStart=[^ ]* pool keep //p' "$unit" | grep -o -- '--[a-z]*')
  for option in $options; do flame pool --help | grep -q -- "$option"; done
}

@test "keep: what waits on its runners is answered by more of them, and it is told why" {
  pool; sed -i 's/min = 2/min = 1/' flame.toml
  keep a
  await_said a '.event == "runner_ready"'
  socket=$(status '.[0].address.unix' | tr -d '"')
  for _ in 1 2 3 4 5 6; do
    curl -sS --unix-socket "$socket" http://x/v1/run -d "{\"path\":\"$plugins/faults.so\",\"function\":\"sleep_ms\",\"args\":[2000]}" >/dev/null &
    posts+=($!)
  done
  await_said a '.event == "runner_ready"' 3
  jq -r 'select(.event == "decision") | .why' a.log | grep -q 'calls\? wait'
  same "$(status length)" 3
  wait "${posts[@]}"
  stop a
}

@test "keep: on an engine that costs, idle ones beyond min drain after a while; a cost limit is kept, and told" {
  priced 0.001
  pool; sed -i 's/min = 2/min = 1/' flame.toml
  keep a --listen "unix:$work/k.sock"
  await_said a '.event == "runner_ready"'
  flame pool warm --size 3
  await_said a '.event == "drain"' 2
  await_status length 1
  cost() { curl -sS --unix-socket k.sock http://x/metrics | sed -n 's/^flame_pool_cost_usd_per_hour{.*} //p'; }
  for _ in $(seq 300); do [ "$(cost)" = 3.6 ] && break; sleep 0.1; done
  same "$(cost)" 3.6
  stop a
  # Two are 7.2 dollars an hour.
  sed -i 's/min = 1/min = 3/' flame.toml; echo 'max_cost_per_hour = 8' >>flame.toml
  keep b
  await_said b '.event == "refused" and (.why | contains("max_cost_per_hour"))'
  await_said b '.event == "runner_ready"'
  aged "$b" 4  # long enough for another
  same "$(said b '.event == "runner_ready"')" 1
  same "$(said b '.event == "boot_failed"')" 0  # none was even tried
  same "$(status length)" 2
  stop b
}
