#!/usr/bin/env bash
# A backend whose runners listen on TCP on this computer: what an engine with a network looks like to flame. As
# flame-backend-NAME on PATH; its machines are files in $XDG_STATE_HOME.
set -uo pipefail
place=$XDG_STATE_HOME
mkdir -p "$place"
token=a-token-for-these-tests-only-0123456789
# One that has ended may wait for its parent to hear of it.
alive() { [ -e "$place/$1.json" ] && grep -q '^State:.[^Z]' "/proc/$(jq .pid "$place/$1.json")/status" 2>/dev/null; }
boot() {
  local name=$1 generation=$2 pid
  rm -f "$place/$name.log"; mkfifo "$place/$name.log"
  printf '%s\n' "$token" >"$place/$name.token"; chmod 600 "$place/$name.token"
  setsid flame-runner --name "$name" --generation "$generation" --slots 2 --listen 127.0.0.1:0 --token-file "$place/$name.token" \
    --store "$place/$name.store" --idle-timeout-ms "${TCP_IDLE_MS:-60000}" \
    --link-grace-ms "$(jq '.settings.link_grace_ms // 10000' <<<"$request")" </dev/null >/dev/null 2>"$place/$name.log" &
  pid=$!
  exec 5<"$place/$name.log"; read -r line <&5
  (cat <&5 >/dev/null) </dev/null >/dev/null 2>&1 & exec 5<&-
  jq -nc --arg name "$name" --arg generation "$generation" --arg token "$token" --argjson pid "$pid" --argjson line "$line" \
    '{name: $name, state: "started", generation: $generation, created_at_ms: 1, pid: $pid, address: {tcp: $line.tcp, token: $token}}' >"$place/$name.json"
}
machines() { for file in "$place"/*.json; do name=$(basename "$file" .json); ! alive "$name" || cat "$file"; done | jq -sc .; }
while read -r request; do
  id=$(jq .id <<<"$request") verb=$(jq -r .verb <<<"$request") name=$(jq -r .name <<<"$request")
  case $verb in
    describe) ok='{"protocol":1,"name":"tcp","abilities":["boot","list","destroy","connect","stop"],"max_default":2}' ;;
    list) ok="{\"machines\":$(machines)}" ;;
    boot) alive "$name" || boot "$name" "$(jq -r .generation <<<"$request")"; ok="{\"machine\":$(cat "$place/$name.json")}" ;;
    connect) ok="{\"address\":$(jq -c .address "$place/$name.json")}" ;;
    stop) ! alive "$name" || kill "$(jq .pid "$place/$name.json")"; ok="{\"machine\":$(jq -c '.state = "stopping"' "$place/$name.json")}" ;;
    destroy) ! alive "$name" || kill "$(jq .pid "$place/$name.json")"; rm -f "$place/$name.json"; ok='{}' ;;
    *) printf '{"id":%s,"error":{"code":"config","message":"no such verb"}}\n' "$id"; continue ;;
  esac
  printf '{"id":%s,"ok":%s}\n' "$id" "$ok"
done
