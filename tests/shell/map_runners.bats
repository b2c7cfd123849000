#!/usr/bin/env bats
# flame map and its runners: silent ones, lost ones, shared ones.
load common
setup() { common_setup; }
teardown() { [ -z "${silent:-}" ] || kill "$silent" 2>/dev/null || true; common_teardown; }

fmap() { timeout -k 1 120 flame map "$@"; }
until_true() { for _ in $(seq 2000); do "$@" 2>/dev/null && return; sleep 0.01; done; echo "never came true: $*"; return 1; }
# Nobody reads it when map is gone: that must not hold up the suite.
open_gate() { timeout 60 sh -c ': >"$1"' _ "$1"; }
some() { compgen -G "$1" >/dev/null; }

@test "a runner that does not say hello holds up nobody" {
  flame pool warm
  mkdir seen; mkfifo results
  address=$(flame pool status --json | jq -r '.[0].address.unix')
  python3 "$BATS_TEST_DIRNAME/silent_runner.py" "${address/default-0/default-1}" seen 3>&- & silent=$!
  until_true test -e seen/ready
  for i in $(seq 12); do mkfifo "gate$i"; echo "$work/gate$i"; done >in
  fmap --max-runners 2 --unordered --tag "$plugins/faults.so" hold <in >results & pid=$!
  exec 7<results
  # It is approached, for there is more to do than one runner can: meanwhile results come.
  during=0
  for i in $(seq 12); do
    until_true some 'seen/*.open'
    before=$(ls seen/*.open)
    open_gate "gate$i"; read -r line <&7; same "$line" "$work/gate$i"$'\ttrue'
    [ "$(ls seen/*.open 2>/dev/null)" != "$before" ] || { during=1; break; }
  done
  same "$during" 1
  for k in $(seq $((i + 1)) 12); do open_gate "gate$k" & done
  cat <&7 >rest; wait "$pid"
  same "$(wc -l <rest)" $((12 - i))
  kill "$silent"; wait "$silent" || true; rm "${address/default-0/default-1}"
}

@test "work starts on what is ready, and goes on while another runner boots" {
  mkdir bin; mkfifo gate
  cat >bin/flame-backend-slow <<'E'
#!/bin/sh
# The first boot is as ever, the second one waits for the gate.
while read -r line; do
  case $line in *'"boot"'*) if [ -e first ]; then : >asked; cat gate >/dev/null; fi; : >first ;; esac
  printf '%s\n' "$line"
done | "$FLAME_PREFIX/libexec/flame/flame-backend-local"
E
  sed -i "s,first,$work/first,g; s,: >asked,: >$work/asked,; s,cat gate,cat $work/gate," bin/flame-backend-slow
  chmod +x bin/flame-backend-slow
  export PATH=$work/bin:$PATH FLAME_BACKEND=slow
  yes 20 | head -n 300 >in
  fmap --max-runners 2 "$plugins/faults.so" sleep_ms <in >out & pid=$!
  until_true test -e asked
  at=$(wc -l <out)
  more() { [ "$(wc -l <out)" -ge $((at + 10)) ]; }
  until_true more
  open_gate gate
  wait "$pid"
  same "$(sort out | uniq -c | tr -s ' ')" " 300 20"
  flame pool destroy --yes
}
