#!/usr/bin/env bats
# What cannot work: the error as it shall be, the status, an empty stdout, and nothing left behind.
load common
load golden
setup() { common_setup; flame run --dry-run "$samples/math.so" add 1 2 >/dev/null; }
teardown() {
  if mountpoint -q "$XDG_RUNTIME_DIR"; then flame pool destroy --yes; umount "$XDG_RUNTIME_DIR"; fi
  common_teardown && nothing_rewritten
}

@test "plugins that cannot be used" {
  : >empty.so
  echo text >text.so
  head -c 300 "$samples/math.so" >short.so
  mkdir directory.so
  # e_machine is at byte 18; 0x28 is 32-bit Arm.
  cp "$samples/math.so" other.so; printf '\x28\x00' | dd of=other.so bs=1 seek=18 conv=notrunc status=none
  refused plugin-missing 127 flame run missing.so f
  refused plugin-empty 126 flame run empty.so f
  refused plugin-text 126 flame run text.so f
  refused plugin-truncated 126 flame run short.so f
  refused plugin-directory 126 flame run directory.so f
  refused plugin-machine 126 flame run other.so f
  refused plugin-no-entry 126 flame run "$plugins/no_entry.so" f
  refused function-unknown 127 flame run "$samples/math.so" ad 1 2
  refused image-relative 125 flame run image:math.so add 1 2
}

@test "an unreadable plugin" {
  cp "$samples/math.so" secret.so; chmod 0 secret.so
  if [ "$(id -u)" = 0 ]; then
    chmod 755 "$work"; cp "$FLAME_PREFIX/bin/flame" flame  # where anybody can get at it
    refused plugin-unreadable 126 setpriv --reuid=65534 --regid=65534 --clear-groups env XDG_CACHE_HOME=/nowhere "$work/flame" run secret.so add 1 2
  else
    refused plugin-unreadable 126 flame run secret.so add 1 2
  fi
}

@test "a runtime directory that is not ours, too open, too long, a file, or not to be made" {
  mkdir -m 755 "$XDG_RUNTIME_DIR/flame"
  refused runtime-open 125 flame run "$samples/math.so" add 1 2
  rmdir "$XDG_RUNTIME_DIR/flame"; : >"$XDG_RUNTIME_DIR/flame"
  refused runtime-file 125 flame run "$samples/math.so" add 1 2
  rm "$XDG_RUNTIME_DIR/flame"; ln -s /tmp "$XDG_RUNTIME_DIR/flame"
  refused runtime-link 125 flame run "$samples/math.so" add 1 2
  rm "$XDG_RUNTIME_DIR/flame"
  XDG_RUNTIME_DIR=$work/not-there refused runtime-absent 125 flame run "$samples/math.so" add 1 2
  long=$work/$(printf 'x%.0s' $(seq 60)); mkdir -m 700 "$long" "$long/flame"
  XDG_RUNTIME_DIR=$long refused runtime-long 125 flame run "$samples/math.so" add 1 2
}

@test "a runtime directory on a full disk: a clear line, and nothing of it left" {
  if [ "$(id -u)" = 0 ]; then
    mount -t tmpfs -o size=64k,mode=700 none "$XDG_RUNTIME_DIR"
    mkdir -m 700 "$XDG_RUNTIME_DIR/flame"
    : >"$XDG_RUNTIME_DIR/flame/boot-local.default.lock"  # locks stay, and are empty
    cat /dev/zero >"$XDG_RUNTIME_DIR/fill" 2>/dev/null || true
    refused runtime-full 125 flame run "$samples/math.so" add 1 2
    rm "$XDG_RUNTIME_DIR/fill"
    expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
    flame pool destroy --yes
    umount "$XDG_RUNTIME_DIR"
  fi
  # Nobody but root can mount: no file may grow, in the backend too.
  expect 125 bash -c '{ ulimit -f 0; trap "" XFSZ; flame run "$1" add 1 2; exit; } 2>&1 | cat >&2; exit "${PIPESTATUS[0]}"' _ "$samples/math.so"
  same "$out" ""; golden runtime-no-room
  same "$(ours; find "$XDG_RUNTIME_DIR/flame" -type f ! -name '*.lock' -o -type s)" ""  # locks stay
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
}

@test "stdout that is full: 125 and why" {
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
  refused stdout-full 125 bash -c 'flame run "$1" add 1 2 >/dev/full' _ "$samples/math.so"
}
