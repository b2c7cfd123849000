# Keepers of tests: begun in the background, their log in a file, awaited by their events.

# keep NAME [OPTION…]: a keeper; its log is NAME.log, its process $NAME.
keep() {
  local name=$1
  shift
  flame pool keep "$@" >"$name.out" 2>"$name.log" &
  printf -v "$name" %s "$!"
}
# said NAME FILTER: how many lines of its log are so.
said() { jq -c "select($2)" "$1.log" | wc -l; }
# await_said NAME FILTER [COUNT]
await_said() {
  for _ in $(seq 1200); do [ "$(said "$1" "$2")" -ge "${3:-1}" ] && return; sleep 0.05; done
  echo "no $2 in:"; cat "$1.log"; return 1
}
# line NAME FILTER: the number of the first line that is so.
line() { jq -c "if $2 then input_line_number else empty end" "$1.log" | head -1; }
# stop NAME: it ends with 0 and has said nothing on stdout.
stop() {
  local got=0
  kill -TERM "${!1}"
  wait "${!1}" || got=$?
  same "$got" 0
  same "$(cat "$1.out")" ""
  await_said "$1" '.event == "stopping"'
}
# aged PID SECONDS: until that process has lived for so long, or is gone.
aged() { until [ "$(ps -o etimes= -p "$1" || echo 999999)" -ge "$2" ]; do sleep 0.2; done; }
status() { flame pool status --json | jq -c "$1"; }
await_status() { for _ in $(seq 1200); do [ "$(status "$1")" = "$2" ] && return; sleep 0.05; done; echo "not $2:"; status .; return 1; }
