#!/usr/bin/env bats
# connect = "proxy": runners reached through Fly's public proxy, by a relay behind a local socket.
load common
load fly
setup() { fly_setup; }
teardown() {
  rm -f "$XDG_RUNTIME_DIR"/flame/fly-relay.*  # a relay whose socket is gone leaves
  until [ -z "$(relays)" ]; do sleep 0.1; done
  fly_teardown
}
relays() { pgrep -f "flame-backend-fly relay .*$work/" || true; }
# proxied PORT URL [LINE…]
proxied() {
  local port=$1 url=$2
  shift 2
  pool 'connect = "proxy"' "proxy_port = $port" "proxy_url = \"$url\"" 'listen = "$FLY_PRIVATE_IP"' "$@"
}
give_address() {
  curl -sSf --retry 9 -H "Authorization: Bearer $FLY_API_TOKEN" "$FLY_FLAPS_BASE_URL/v1/apps/$FLY_APP_NAME/ip_assignments" -d '{"type":"shared_v4"}' >/dev/null
}

@test "fly proxy: over TLS that is verified: calls, streams, map; warm ones ask the API nothing; the relay holds no token" {
  fly_start
  export SSL_CERT_FILE=$FLY_EMULATOR_PROXY_CA
  proxied 443 "$FLY_EMULATOR_PROXY_TLS_URL" 'max = 2'
  expect 125 flame run "$samples/math.so" add 100 20
  holds "$err" "has no public address"; holds "$err" "fly ips allocate"; same "$(creates)" 0
  give_address
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  same "$(machines | jq -c '.[0].config.services[0] | {internal_port, autostart, autostop, ports: [.ports[] | {port, handlers}]}')" \
    '{"internal_port":8899,"autostart":false,"autostop":false,"ports":[{"port":443,"handlers":["tls","http"]}]}'
  expect 0 flame pool warm --size 2
  same "$(relays | wc -l)" 1
  same "$(grep -h fly-force-instance-id "$XDG_RUNTIME_DIR"/flame/hints/fly.default.*/* | sort -u | wc -l)" 2
  before=$(requests)
  for i in 1 2 3; do expect 0 flame run "$samples/math.so" add "$i" 20; same "$out" $((i + 20)); done
  head -c 9000000 /dev/zero | tr '\0' a >lower
  flame run "$samples/text.so" upper <lower >upper
  same "$(tr A a <upper | cmp - lower)" ""
  same "$(seq 500 | flame map "$samples/math.so" add 1000)" "$(seq 1001 1500)"
  same "$(requests)" "$before"
  same "$(tr '\0' '\n' <"/proc/$(relays)/environ" | grep -v '^SSL_CERT_FILE=' || true)" ""
  token_nowhere
  same "$(state '[.[].state]')" '["ready","ready"]'
  expect 0 flame pool destroy --yes
  # Somebody else's certificate.
  unset SSL_CERT_FILE
  sed -i 's/^boot_timeout.*/boot_timeout = "6s"/' flame.toml
  expect 125 flame run "$samples/math.so" add 100 20; holds "$err" "no runner was ready"; holds "$err" 'connect = "6pn" works from here'
}

@test "fly proxy: over http on this computer; the relay leaves when idle; never in clear over a network" {
  fly_start
  give_address
  proxied 80 "$FLY_EMULATOR_PROXY_URL" 'idle_timeout = "2s"'
  expect 0 flame run "$samples/math.so" add 100 20; same "$out" 120
  [ -n "$(relays)" ]
  until [ -z "$(relays)" ]; do sleep 0.1; done
  # Without it the engine is asked, and another one is started.
  expect 0 flame run "$samples/math.so" add 100 21; same "$out" 121
  before=$(requests)
  proxied 80 http://demo.fly.dev:80
  expect 125 flame run "$samples/math.so" add 1 2; holds "$err" "proxy_url wants https://HOST:PORT"
  pool 'connect = "carrier"'
  expect 125 flame run "$samples/math.so" add 1 2; holds "$err" 'connect wants "6pn" or "proxy"'
  same "$(requests)" "$before"
}
