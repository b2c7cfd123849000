#!/usr/bin/env bats
# What a plugin may do under each level of the sandbox.
load common
setup() { common_setup; chmod 1777 "$work"; as=(); line=; }
teardown() {
  [ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null || true
  common_teardown
}
start() {
  export TOKEN=a-token-for-these-tests-only-0123456789
  rm -f log.fifo; mkfifo log.fifo
  FLAME_SECRET=$TOKEN "${as[@]}" flame-runner --name "$work/r" --slots 1 --listen 127.0.0.1:0 "$@" 2>log.fifo &
  pid=$!
  exec 7<log.fifo
  until holds "$line" listening 2>/dev/null >&2; do read -r line <&7; echo "$line" >>log; done
  cat <&7 >>log &
  exec 7<&-
  url=http://$(jq -r .tcp <<<"$line")
}
stop() { kill -TERM "$pid"; wait "$pid"; pid= line=; }
# gives VALUE FUNCTION [ARGUMENTS]
gives() {
  same "$(curl -sS -H "Authorization: Bearer $TOKEN" "$url/v1/run" -d "{\"path\":\"$plugins/escape.so\",\"function\":\"$2\",\"args\":${3:-[]}}" | jq -c .result)" "$1"
}

# as_same COMMAND…: as the user that the runner runs as
as_same() { "${as[@]}" "$@" 2>/dev/null; }

@test "strict: no sockets, no other files, no namespaces; plugins still load, threads and children still run" {
  start --sandbox strict
  grep -q '"event":"sandbox","wanted":"strict"' log || { cat log; false; }
  gives 13 open_socket '[2]'; gives 13 open_socket '[10]'; gives 13 open_socket '[1]'; gives 13 open_socket '[16]'
  for path in /etc/shadow /etc/passwd /root /var/log /home; do
    [ ! -e "$path" ] || gives 13 read_file "[\"$path\"]"
  done
  gives 13 write_file '["/usr/flame-escape"]'; gives 13 write_file '["/flame-escape"]'
  gives 0 write_file "[\"$work/allowed\"]"; gives 0 read_file '["/dev/null"]'; gives 0 read_file '["/usr/bin/env"]'
  gives 1 new_namespace; gives 1 clone_namespace; gives 1 io_uring
  gives 0 ordinary; gives true limits
  same "$(curl -sS -H "Authorization: Bearer $TOKEN" "$url/v1/run" -d "{\"path\":\"$samples/math.so\",\"function\":\"add\",\"args\":[100,20]}")" '{"result":120}'
  stop
}

@test "strict: a directory that is allowed is read" {
  start --sandbox strict --plugin-dir /var/log
  gives 0 read_file '["/var/log"]'; gives 13 read_file '["/var/lib"]'
  stop
}

@test "default: no core files and a sane number of descriptors; files and sockets as ever; off: nothing" {
  start
  gives 0 open_socket '[2]'; gives 0 read_file '["/etc/passwd"]'; gives true limits
  grep -q '^NoNewPrivs:[[:space:]]*1' "/proc/$(pgrep -P "$(pgrep -P "$pid")")/status"
  stop
  start --sandbox off
  gives 0 open_socket '[2]'
  grep -q '^NoNewPrivs:[[:space:]]*0' "/proc/$(pgrep -P "$(pgrep -P "$pid")")/status"
  stop
}

@test "nobody of the same user reads the runner's memory" {
  [ "$(id -u)" -ne 0 ] || as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  start
  same "$(stat -c %u "/proc/$pid/environ")" 0  # what is not dumpable belongs to root
  ! as_same cat "/proc/$pid/environ"
  stop
}

# Only root has somebody else to run workers as.
@test "a runner that is root: its workers are another user, who is killed, told of and given plugins all the same" {
  if [ "$(id -u)" != 0 ]; then
    FLAME_SECRET=a-token-for-these-tests-only-0123456789 expect 125 flame-runner --listen 127.0.0.1:0 --worker-uid 7
    holds "$err" "only root can"
    return
  fi
  owner() { gives "\"$1\"" owner "[\"$work/made\"]"; }
  post() { curl -sS -H "Authorization: Bearer $TOKEN" "$url/v1/run" -d "$1"; }
  start --store "$work/store"
  grep -q '"event":"workers_run_as","uid":65534' log || { cat log; false; }
  owner 65534:65534; gives 13 read_file '["/etc/shadow"]'
  same "$(grep '^Groups' "/proc/$(pgrep -P "$(pgrep -P "$pid")")/status" | tr -d ' \t')" Groups:
  same "$(post "{\"path\":\"$plugins/faults.so\",\"function\":\"spin\",\"timeout_ms\":100}" | jq -r .fate)" timed_out
  same "$(post "{\"path\":\"$plugins/faults.so\",\"function\":\"segfault\"}" | jq '.crash.frames | length > 0')" true
  # From the store, in which only the runner may look around.
  sum=$(sha256sum <"$samples/math.so" | cut -d' ' -f1)
  same "$(curl -sS -o body -w '%{http_code}' -H "Authorization: Bearer $TOKEN" -T "$samples/math.so" "$url/v1/plugins/$sum")" 201
  same "$(post "{\"sha256\":\"$sum\",\"function\":\"add\",\"args\":[1,2]}")" '{"result":3}'
  PYTHONDONTWRITEBYTECODE=1 python3 "$BATS_TEST_DIRNAME/../wire/as_client.py" stored_set "${url#http://}" "$samples" "$plugins"
  owner 65534:65534
  nanny=$(pgrep -P "$pid"); worker=$(pgrep -P "$nanny")
  kill -9 $nanny
  while kill -0 $worker 2>/dev/null; do :; done
  stop
  start --worker-uid 4321; owner 4321:4321; stop
  start --worker-uid 0; owner 0:0; stop
  start --sandbox off; owner 0:0; stop
  start --sandbox strict; owner 65534:65534; stop
  setpriv --reuid=65534 --regid=65534 --clear-groups env "FLAME_SECRET=$TOKEN" flame-runner --listen 127.0.0.1:0 --worker-uid 7 2>err || status=$?
  same "$status" 125; holds "$(cat err)" "only root can"
}
