#!/usr/bin/env bats
# The runner's listening side: TCP and tokens, plain HTTP, links that a stranger wrote, limits, its end.
load common
setup() {
  common_setup
  export TOKEN=a-token-for-these-tests-only-0123456789
  client=$BATS_TEST_DIRNAME/../wire/as_client.py
  export PYTHONDONTWRITEBYTECODE=1
}
teardown() {
  [ -z "${pid:-}" ] || kill -9 "$pid" 2>/dev/null || true
  common_teardown
}

# start OPTION…: a runner of its own on TCP; $pid, $address, $url; its log in ./log.
start() {
  rm -f log.fifo; mkfifo log.fifo
  FLAME_SECRET=$TOKEN flame-runner --name "$work/r" --slots 2 --listen 127.0.0.1:0 "$@" 2>log.fifo &
  pid=$!
  exec 7<log.fifo
  read -r line <&7
  cat <&7 >>log &
  exec 7<&-
  address=$(jq -r .tcp <<<"$line") url=http://$address
}
stop() { kill -TERM "$pid"; ends 0; }
ends() { local got=0; wait "$pid" || got=$?; pid=; same "$got" "$1"; }
peer() { python3 "$client" "$1" "$address" "$samples" "$plugins" "${@:2}"; }
# ask STATUS PATH CURL-OPTION…: body in $body, headers in ./headers
ask() {
  local want=$1 path=$2 got
  shift 2
  got=$(curl -sS -o body -D headers -w '%{http_code}' -H "Authorization: Bearer $TOKEN" "$@" "$url$path")
  body=$(cat body)
  same "$got" "$want"
}
run_json() { printf '{"path":"%s","function":"%s","args":%s%s}' "$1" "$2" "$3" "${4:-}"; }

@test "a TCP listener wants a token, also on loopback; addresses are numbers" {
  expect 125 flame-runner --listen 127.0.0.1:0; holds "$err" "needs a token"; holds "$err" "FLAME_SECRET"; same "$out" ""
  FLAME_SECRET=tooshort expect 125 flame-runner --listen 127.0.0.1:0; holds "$err" "shorter than 16"
  case "$err" in *tooshort*) false ;; esac
  FLAME_SECRET=$TOKEN expect 125 flame-runner --listen localhost:80; holds "$err" "numbers only"
  FLAME_SECRET=$TOKEN expect 125 flame-runner --listen 127.0.0.1:99999; holds "$err" "numbers only"
  expect 125 flame-runner --listen 127.0.0.1:0 --token-file "$work/none"; holds "$err" "$work/none"
  expect 125 flame-runner; holds "$err" "--listen"
}

@test "the token is nowhere to be read: environment, argv, log, workers; its file is removed" {
  start --log-level debug
  ask 200 /v1/run -d "$(run_json "$plugins/faults.so" env '["FLAME_SECRET"]')"; same "$body" '{"result":null}'
  for process in "$pid" $(pgrep -P "$pid") $(pgrep -P "$(pgrep -d, -P "$pid")"); do
    ! grep -qa "$TOKEN" "/proc/$process/environ"
    ! grep -qa "$TOKEN" "/proc/$process/cmdline"
  done
  stop
  ! grep -q "$TOKEN" log
  printf '%s\n' "$TOKEN" >token; chmod 600 token
  TOKEN= start --token-file "$work/token"
  [ ! -e token ]
  ask 200 /v1/info
  stop
}

@test "plain HTTP: resources, methods, statuses" {
  start
  same "$(curl -sS "$url/healthz")" ok
  for path in /v1/info /metrics; do same "$(curl -s -o /dev/null -w '%{http_code}' "$url$path")" 401; done
  same "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer ${TOKEN}x" "$url/v1/info")" 401
  same "$(curl -s -o /dev/null -w '%{http_code}' -X POST "$url/v1/drain")" 401
  ask 200 /v1/info; same "$(jq -r '.slots, .draining, .calls' <<<"$body" | tr '\n' ' ')" "2 false 0 "
  same "$(jq -c '[.p50_ms, .p95_ms, .in_flight]' <<<"$body")" '[0,0,[]]'
  ask 200 /v1/info -I; same "$body" "$(cat headers)"
  ask 404 /nothing; grep -qi '^content-type: application/problem+json' headers
  ask 405 /v1/run; grep -qi '^allow: POST' headers
  ask 405 /healthz -X DELETE; grep -qi '^allow: GET, HEAD' headers
  ask 426 /v1/link
  ask 200 /v1/run -d "$(run_json "$samples/math.so" add '[100,20]')"; same "$body" '{"result":120}'
  ask 200 /v1/run -d "$(run_json "$plugins/faults.so" echo_i64 '[9223372036854775807]')"; same "$body" '{"result":9223372036854775807}'
  ask 200 /v1/run -d "$(run_json "$plugins/faults.so" env '["A"]' ',"env":{"A":"b"}')"; same "$body" '{"result":"b"}'
  ask 200 /v1/run -d "$(run_json "$plugins/faults.so" echo_bytes '["AAEC"]')"; same "$body" '{"result":"AAEC","encoding":"base64"}'
  ask 400 /v1/run -d "$(run_json "$samples/math.so" add '["x"]')"; same "$(jq -r .kind <<<"$body")" bad_arguments
  for bad in 'no json' '[]' '{}' '{"path":"x","function":"f"}' '{"path":"/x","function":7}' '{"path":"/x","function":"f","args":{}}' \
    '{"path":"/x","function":"f","timeout_ms":-1}' '{"path":"/x","function":"f","env":{"A":1}}' '{"sha256":"zz","function":"f"}'; do
    ask 400 /v1/run -d "$bad"; same "$(jq -r .fate <<<"$body")" never_begun
  done
  ask 404 /v1/run -d "$(run_json /nothing.so add '[]')"; same "$(jq -r .kind <<<"$body")" plugin_missing
  ask 404 /v1/run -d "$(run_json "$samples/math.so" ad '[]')"; same "$(jq -r .kind <<<"$body")" unknown_function
  ask 409 /v1/run -d "$(run_json "$plugins/undefined_symbol.so" call_it '[]')"
  ask 500 /v1/run -d "$(run_json "$plugins/faults.so" segfault '[]')"; same "$(jq -r '.kind, .signal' <<<"$body" | tr '\n' ' ')" "crashed 11 "
  ask 504 /v1/run -d "$(run_json "$plugins/faults.so" spin '[]' ',"timeout_ms":1500')"; same "$(jq -r .fate <<<"$body")" timed_out
  ask 413 /v1/run -d "$(run_json "$plugins/faults.so" flood '[]')"
  ask 200 /metrics; holds "$body" 'flame_calls_total{end="crashed"} 1'; holds "$body" 'flame_slots 2'
  ! grep -vE '^(# (HELP|TYPE) flame_[a-z_]+ .*|flame_[a-z_]+(\{[a-z_]+="[a-z_]+"\})? [0-9.]+)$' body
  stop
}

@test "POST /v1/run: what a call logs and prints comes with its answer, cut at the limit" {
  start
  ask 200 /v1/run -d "$(run_json "$plugins/faults.so" chatter '[]')"
  same "$(jq -r .result <<<"$body")" 1
  same "$(jq -rj '.logs[] | select(.level == "stderr") | .text' <<<"$body")" "$(printf 'said on stdout\nsaid on stderr\n')"
  same "$(jq .logs_cut <<<"$body")" null
  ask 500 /v1/run -d "$(run_json "$plugins/faults.so" chat_and_fail '[1]')"
  same "$(jq '.logs[0].text' <<<"$body")" '"line 0\n"'
  ask 500 /v1/run -d "$(run_json "$plugins/faults.so" chat_and_fail '[20000]')"
  same "$(jq .logs_cut <<<"$body")" true; [ "${#body}" -lt 80000 ]
  stop
}

@test "info: how long calls took lately" {
  start
  for ms in 1 1 1 300; do ask 200 /v1/run -d "$(run_json "$plugins/faults.so" sleep_ms "[$ms]")"; done
  ask 200 /v1/info; same "$(jq '.calls == 4 and .p50_ms >= 1 and .p95_ms >= 300 and .p50_ms < .p95_ms' <<<"$body")" true
  stop
}

@test "a drain's end is the end of posted calls too, running or waiting" {
  start --slots 1 --drain-timeout-ms 100
  for n in 1 2; do curl -sS -o "body.$n" -H "Authorization: Bearer $TOKEN" "$url/v1/run" -d "$(run_json "$plugins/faults.so" spin '[]')" & done
  until [ "$(ask 200 /v1/info && jq -c '[.busy, .queued]' <<<"$body")" = '[1,1]' ]; do :; done
  until [ "$(ask 200 /v1/info && jq -c '[.in_flight[] | [.plugin, .function, .state]]' <<<"$body")" = '[["faults.so","spin","running"],["faults.so","spin","queued"]]' ]; do :; done
  ask 200 /v1/info; same "$(jq '.in_flight[0].age_ms >= .in_flight[1].age_ms' <<<"$body")" true
  ask 202 /v1/drain -X POST
  ends 0
  wait
  same "$(jq -r '.kind + " " + .fate' body.1 body.2 | sort | tr '\n' ' ')" "cancelled cancelled cancelled never_begun "
}

@test "without a sha256, what stands at the path now: a kept worker does not serve what was there" {
  start
  place() { cp "$1" new.so; mv new.so plugin.so; }
  chmod 755 "$work"
  place "$samples/math.so"
  for _ in 1 2; do ask 200 /v1/run -d "$(run_json "$work/plugin.so" add '[100,20]')"; done
  place "$plugins/faults.so"
  ask 404 /v1/run -d "$(run_json "$work/plugin.so" add '[100,20]')"; same "$(jq -r .kind <<<"$body")" unknown_function
  ask 200 /v1/run -d "$(run_json "$work/plugin.so" echo_i64 '[3]')"
  cat "$samples/math.so" >plugin.so  # written to in place
  ask 200 /v1/run -d "$(run_json "$work/plugin.so" add '[1,2]')"; same "$body" '{"result":3}'
  rm plugin.so
  ask 404 /v1/run -d "$(run_json "$work/plugin.so" add '[1,2]')"; same "$(jq -r .kind <<<"$body")" plugin_missing
  stop
}

@test "metrics: workers that were started, and why they are no more" {
  start --slots 1
  metric() { ask 200 /metrics; sed -n "s/^flame_workers_$1 //p" body; }
  counts() { echo $(metric started_total) $(for cause in left crashed exited timed_out cancelled out_of_memory unloadable; do metric "ended_total{cause=\"$cause\"}"; done); }
  same "$(counts)" "0 0 0 0 0 0 0 0"
  ask 500 /v1/run -d "$(run_json "$plugins/faults.so" segfault '[]')"
  ask 500 /v1/run -d "$(run_json "$plugins/faults.so" exit_zero '[]')"
  ask 504 /v1/run -d "$(run_json "$plugins/faults.so" spin '[]' ',"timeout_ms":1500')"   # its worker starts within that
  ask 409 /v1/run -d "$(run_json "$plugins/crash_at_load.so" f '[]')"
  ask 200 /v1/run -d "$(run_json "$plugins/faults.so" nothing '[]')"
  ask 200 /v1/run -d "$(run_json "$samples/math.so" add '[1,2]')"  # takes the place of the one before
  for _ in $(seq 500); do [ "$(counts)" = "6 1 1 1 1 0 0 1" ] && break; sleep 0.02; done
  same "$(counts)" "6 1 1 1 1 0 0 1"
  same "$(sed -n 's/^flame_workers //p' body)" 1
  stop
}

@test "accepted, started and usage: each once, in order, around what the call says" { start; peer phases; stop; }

@test "HTTP bodies: at the limit and one more, chunked, 100-continue; connections are kept" {
  start
  local start='{"path":"/nothing.so","function":"f","x":"' limit=4194304
  { printf '%s' "$start"; head -c $((limit - ${#start} - 2)) /dev/zero | tr '\0' x; printf '"}'; } >full
  same "$(stat -c %s full)" "$limit"
  { cat full; printf ' '; } >over
  ask 404 /v1/run --data-binary @full; ask 413 /v1/run --data-binary @over
  ask 404 /v1/run --data-binary @full -H 'Transfer-Encoding: chunked'; ask 413 /v1/run --data-binary @over -H 'Transfer-Encoding: chunked'
  head -c 17000 /dev/zero | tr '\0' h >long; ask 431 /healthz -H "X-Long: $(cat long)"
  holds "$(curl -sv "$url/healthz" "$url/healthz" 2>&1)" "Re-using existing connection"
  stop
}

@test "at most N connections; those over it are told, those below it served" {
  start --max-connections 3
  exec 8<>"/dev/tcp/127.0.0.1/${address#*:}" 9<>"/dev/tcp/127.0.0.1/${address#*:}"
  ask 200 /healthz
  exec 6<>"/dev/tcp/127.0.0.1/${address#*:}"
  until ask 503 /healthz; do :; done
  exec 6<&- 8<&- 9<&-
  until ask 200 /healthz; do :; done
  stop
}

@test "a stranger's client, over TCP with a token" { start; peer good; stop; }
@test "wrong proofs, no proofs, proofs of another link" { start; peer trust; stop; }
@test "rubbish, half frames, huge frames, text, unmasked, unknown: one error or close, nobody else harmed" { start; peer garbage; stop; }
@test "each limit of a link: at it, and one more" { start; peer limits; stop; }
@test "a full queue says busy" { start; peer queue; stop; }
@test "a client that does not read: its worker waits, memory stays bounded" { start; peer flood "$pid"; peer deaf; stop; }
@test "dead peers are found by their silence" { start --ping-interval-ms 40; peer silent; stop; }
@test "strangers that say nothing, or slowly, are let go" { start --http-timeout-ms 150; peer no_auth; stop; }
@test "calls of clients that have gone are given up" { start; peer gone; stop; }
@test "a client that answers no close: the runner leaves all the same, status 0" { start; peer unanswering "$pid"; ends 0; }
@test "a close right behind a mistake is answered, not waited for" {
  start --log-level debug
  peer at_once
  stop
  holds "$(grep link_closed log)" "closed by the runner"
}
@test "SIGTERM drains: running calls are finished, new ones refused, status 0" { start; peer drain "$pid"; ends 0; }
@test "a second SIGTERM cancels; so does the drain's time-out" {
  start; peer cut "$pid"; ends 0
  start --drain-timeout-ms 100; peer cut "$pid" timeout; ends 0
}
@test "a call longer than the idle time, or than the lifetime, is finished first" {
  start --idle-timeout-ms 2000; peer outlive; ends 0
  start --max-lifetime-ms 2000; peer outlive; ends 0
  start --idle-timeout-ms 1; ends 0
  start --exit-with-clients; peer good; ends 0
  start; ask 202 /v1/drain -X POST; ends 0
  [ "$(jq -r .reason log | grep -c 'idle\|max_lifetime\|no clients\|http')" -ge 5 ]
}

@test "help fits a screen and has an example; the manual knows every option; wrong words name the nearest" {
  expect 0 flame-runner --help; same "$err" ""; holds "$out" "Example: "
  [ "$(wc -l <"$out_file")" -le 40 ]
  sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$out_file" | sort >helped
  grep -o -- '\*--[a-z-]*\*' "$BATS_TEST_DIRNAME/../../man/flame-runner.1.scd" | tr -d '*' | sort -u >in_manual
  [ "$(wc -l <helped)" -ge 20 ]; diff helped in_manual
  expect 0 flame-runner --version; holds "$out" "flame-runner "
  expect 125 flame-runner --listn x; holds "$err" "did you mean '--listen'?"; same "$out" ""
}

@test "a runner whose socket is removed or replaced leaves; the new socket stays" {
  for how in "rm sock" "mv other sock"; do
    : >other
    python3 "$BATS_TEST_DIRNAME/../wire/with_socket.py" "$work/sock" flame-runner --name "$work/r" --socket-fd 3 --socket-path "$work/sock" 2>log &
    pid=$!
    until curl -s --unix-socket sock http://x/healthz | grep -q ok; do :; done
    $how
    ends 0
    grep -q address_gone log
    [ "$how" = "rm sock" ] || [ -f sock ]
    rm -f sock
  done
}

# A sanitized runner takes longer to answer than a millisecond: it would leave before it had been found.
@test "idle exit in the middle of bursts loses no call" {
  python3 "$BATS_TEST_DIRNAME/../wire/bursts.py" "$work" flame-runner "$samples/math.so" 40 12 "$([ -z "${FLAME_SANITIZER:-}" ] && echo 1 || echo 30)"
}
