#!/usr/bin/env bats
# What earlier tools got wrong and no other file covers; tests/LESSONS.md lists the rest.
load common
setup() { common_setup; }
teardown() { common_teardown; }

# What was in a tree and is not any more, as it was: name, kind, mode, inode, content.
picture() { (cd "$1" && { find . -printf '%p %y %m %i %l\n'; find . -type f -exec sha256sum {} +; } | sort); }
lost_of() { comm -23 before <(picture others); }
use_flame() {
  flame run "$samples/math.so" add 1 2 || true
  seq 3 | flame map "$samples/math.so" is_prime || true
  flame run --detach "$samples/math.so" add 1 2 || true
  flame run "$plugins/faults.so" segfault || true
  flame inspect "$samples/math.so" || true
  flame calls || true
  flame explain || true
  flame pool drain || true
  flame pool destroy --yes || true
} >>"$work/said" 2>&1

@test "E1 E2 E20: what lies behind a symlink in our directories is not touched" {
  mkdir others
  for name in hints flame-default-0.sock x.lock x.tmp .new calls default; do echo "another's" >"others/$name"; done
  mkdir -p others/plugins/deep
  echo "another's" >others/plugins/deep/x
  use_flame  # what it makes of itself
  picture others >before
  # Each of our files becomes a link to another's, each folder's place is tried as a link to another's folder.
  local path found=0
  while read -r path; do
    found=$((found + 1))
    rm -f "$path"
    ln -s "$work/others/x.tmp" "$path"
  done < <(find "$XDG_RUNTIME_DIR" "$XDG_CACHE_HOME" "$XDG_STATE_HOME" -type f 2>/dev/null)
  [ "$found" -gt 0 ]
  use_flame
  same "$(lost_of)" ""
  while read -r path; do
    [ ! -e "$path" ] || { rm -rf "$path"; ln -s "$work/others" "$path"; }
    use_flame
    same "$(lost_of)" ""
  done < <(find "$XDG_RUNTIME_DIR"/flame "$XDG_CACHE_HOME"/flame "$XDG_STATE_HOME"/flame -type d 2>/dev/null | sort -r)
}

@test "E26 E27: everything but its own directories may be read-only" {
  unshare -m true 2>/dev/null || skip "needs a mount namespace"
  cat >inside.sh <<S
set -eu
mount --make-rprivate /
mount --bind "$work" "$work"
mount -o remount,bind,ro /
! touch /tmp/flame-must-not 2>/dev/null
flame run "$samples/math.so" add 1 2
seq 3 | flame map "$samples/math.so" is_prime
flame run "$plugins/faults.so" count "$work/counted"
flame pool destroy --yes
S
  expect 0 unshare -m bash inside.sh
  same "$out" $'3\nfalse\ntrue\ntrue\n1'
}

@test "E20: two users on one computer, without XDG_RUNTIME_DIR: each has a runner of his own, and cannot have the other's" {
  [ "$(id -u)" = 0 ] || skip "needs two users"
  local nobody; nobody=$(id -u nobody)
  chmod 711 "$work"
  mkdir others; chown nobody others
  as_nobody() { env -i PATH="$PATH" HOME="$work/others" XDG_RUNTIME_DIR="$XDG_RUNTIME_DIR" setpriv --reuid "$nobody" --clear-groups "$@"; }
  as_nobody flame --version >/dev/null 2>&1 || skip "that user cannot reach this build"
  flame pool warm
  expect 125 as_nobody flame run "$samples/math.so" add 1 2
  holds "$err" "run/flame"
  same "$(flame run "$samples/math.so" add 1 2)" 3
  mkdir others/run; chown nobody others/run; chmod 700 others/run
  expect 0 as_nobody env XDG_RUNTIME_DIR="$work/others/run" flame run "$samples/math.so" add 1 2
  same "$out" 3
  same "$(find others/run -name '*.sock' | wc -l)" 1
  as_nobody env XDG_RUNTIME_DIR="$work/others/run" flame pool destroy --yes
  same "$(flame run "$samples/math.so" add 1 2)" 3
}

@test "J14 E7 E23: at the deadline 124; the function is gone with all that it started, and nothing comes of it later" {
  flame pool warm
  flame run "$plugins/faults.so" leave_orphan "$work/orphan" >/dev/null 2>&1 || true
  expect 124 flame run --timeout 400ms "$plugins/faults.so" flood
  local size; size=$(stat -c %s "$out_file")
  holds "$err" "flame: "
  local said=$err
  expect 124 flame run --timeout 300ms "$plugins/faults.so" deaf
  same "$out" ""
  # The runner's answer to the next call comes behind all that it had to say of those.
  expect 0 flame run "$samples/math.so" add 1 2
  same "$out$err" 3
  same "$(flame pool status --json | jq -c '[.[0].busy, .[0].queued]')" '[0,0]'
}

@test "E9 E10 E11: every option of run, alone and two at a time, is accepted or refused in a line; none hangs" {
  local options=(--timeout=9s --pool=default --guest=any --detach --fresh --env=A=b --no-stdin --raw --json-args --with="$work/with" --no-ship
    --inline --gdb --valgrind --keep-crash="$work" --verbose --quiet --json-errors --cause-fd=2)
  local known; known=$(flame run --help | grep -o -- '--[a-z-]*' | sort -u | grep -v -e --help -e --dry-run)
  same "$(printf '%s\n' "${options[@]%%=*}" | sort -u)" "$known"
  touch with
  local one two status
  for one in "${options[@]}"; do
    for two in "${options[@]}"; do
      status=0
      flame run --dry-run "$one" "$two" "$samples/math.so" add 1 2 >.out 2>.err </dev/null || status=$?
      case $status in
        0) grep -q '^would call' .out || { echo "$one $two"; cat .out; return 1; } ;;
        125) [ ! -s .out ] && [ -s .err ] || { echo "$one $two"; cat .err; return 1; } ;;
        *) echo "$one $two: $status"; return 1 ;;
      esac
    done
  done
}

@test "every test that LESSONS.md names is there, and no number of its is missing" {
  local file name found=0 number
  while IFS=$'\t' read -r file name; do
    grep -qF "@test \"$name" "$BATS_TEST_DIRNAME/$file.bats" || { echo "$file: $name"; return 1; }
    found=$((found + 1))
  done < <(grep -o '`[a-z_]*` "[^"]*"' "$BATS_TEST_DIRNAME/../LESSONS.md" | sed 's/^`\([a-z_]*\)` "\(.*\)"$/\1\t\2/')
  [ "$found" -ge 40 ]
  for file in $(grep -o '`tests/[a-z/_]*\.cpp`' "$BATS_TEST_DIRNAME/../LESSONS.md" | tr -d '`'); do [ -e "$BATS_TEST_DIRNAME/../../$file" ]; done
  for number in J{1,2,3,5,6,7,8,9,10,11,12,14,15,17} E{1,2,3,4,5,6,7,8,9,10,11,12,13,14,17,18,20,22,23,26,27,30,31,32}; do
    grep -qw "$number" "$BATS_TEST_DIRNAME/../LESSONS.md" || { echo "no $number"; return 1; }
  done
}
