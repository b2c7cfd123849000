# Shared by the shell tests. Each test file gets runtime and cache directories of its own, works on the installed tree
# in $FLAME_PREFIX, and ends with a check that nothing of ours is left running.

common_setup() {
  export FLAME_PREFIX=${FLAME_PREFIX:-$FLAME_BUILD/stage/usr/local}
  PATH=$FLAME_PREFIX/bin:$PATH
  samples=$FLAME_PREFIX/share/flame/samples
  plugins=$FLAME_BUILD/tests/plugins
  work=$(mktemp -d /tmp/flame-test-XXXXXX)
  export XDG_RUNTIME_DIR=$work/run XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state XDG_CONFIG_HOME=$work/config HOME=$work
  mkdir -m 0700 "$XDG_RUNTIME_DIR"
  unset FLAME_POOL FLAME_TIMEOUT FLAME_BACKEND
  cd "$work"
}

# Our processes are known by the runtime directory that is ours alone: in the runner's argv, or as its children.
ours() { pgrep -f -- "$work/" || true; }

common_teardown() {
  flame pool destroy --yes >/dev/null 2>&1 || true
  local left
  for _ in $(seq 100); do left=$(ours); [ -z "$left" ] && break; sleep 0.05; done
  cd /
  rm -rf "$work"
  [ -z "$left" ] || { echo "still running: $left"; kill -9 $left; return 1; }
}

# expect STATUS COMMAND…: runs it; stdout in $out, stderr in $err, both files' names in $out_file $err_file.
expect() {
  local want=$1 got=0
  shift
  out_file=$work/.out err_file=$work/.err
  "$@" >"$out_file" 2>"$err_file" || got=$?
  out=$(tr -d '\0' <"$out_file") err=$(tr -d '\0' <"$err_file")
  [ "$got" -eq "$want" ] || { printf 'status %s, wanted %s: %s\nstdout: %s\nstderr: %s\n' "$got" "$want" "$*" "$out" "$err"; return 1; }
}

# same GIVEN WANTED
same() { [ "$1" = "$2" ] || { printf 'got:    %q\nwanted: %q\n' "$1" "$2"; return 1; }; }
# holds TEXT PART
holds() { case "$1" in *"$2"*) ;; *) printf 'no %q in:\n%s\n' "$2" "$1"; return 1 ;; esac; }

# What a sanitizer's own needs rule out; the plain build, which CI runs first, does it.
plain_build_only() { [ -z "${FLAME_SANITIZER:-}" ] || skip "$1 (${FLAME_SANITIZER} sanitizer)"; }

# priced PRICE: a backend that is the local one, but for what a second costs.
priced() {
  mkdir -p bin
  cat >bin/flame-backend-priced <<B
#!/bin/sh
"$FLAME_PREFIX/libexec/flame/flame-backend-local" | jq -c --unbuffered 'if .ok.machines then .ok.machines[] += {price_per_second: $1} else . end'
B
  chmod +x bin/flame-backend-priced
  export PATH=$work/bin:$PATH FLAME_BACKEND=priced
}

# held_boots: a backend that is the local one, but a boot waits until the fifo boot_gate is opened for writing.
held_boots() {
  mkfifo boot_gate; mkdir -p bin
  cat >bin/flame-backend-held <<B
#!/bin/sh
while read -r line; do case "\$line" in *'"boot"'*) cat "$work/boot_gate" ;; esac; printf '%s\n' "\$line"; done | "$FLAME_PREFIX/libexec/flame/flame-backend-local"
B
  chmod +x bin/flame-backend-held
  export PATH=$work/bin:$PATH FLAME_BACKEND=held
}
