# through_relay WHAT…: a runner that is reached through relay.py only.
through_relay() {
  printf '#!/bin/sh\n%s | sed -u "s|\\"unix\\":\\"[^\\"]*|\\"unix\\":\\"%s/relay.sock|"\n' "$FLAME_PREFIX/libexec/flame/flame-backend-local" "$work" >bin/flame-backend-own
  chmod +x bin/flame-backend-own
  export PATH=$work/bin:$PATH FLAME_BACKEND=own
  python3 "$BATS_TEST_DIRNAME/relay.py" relay.sock "$XDG_RUNTIME_DIR/flame/local-*/flame-default-0.*.sock" relay.log "$@" &
  relay=$!
  until [ -s relay.log ]; do sleep 0.02; done
  flame pool warm
}
