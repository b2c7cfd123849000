#!/usr/bin/env bats
# What a plugin may do under each level of the sandbox.
load common
setup() { common_setup; as=(); line=; }
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
