#!/usr/bin/env bats
# flame run --keep-crash and flame replay: a crash is a file, and the file is the call again.
load common
load golden
setup() { common_setup; }
teardown() { common_teardown; nothing_rewritten; }

# What of the first line differs between builds and machines.
steady() {
  jq -S 'del(.runner.libc, .runner.machine, .runner.version, .runner.generation, .image_facts.libraries)
    | .plugin.sha256 |= (length | tostring) | .image_facts |= (keys | join(" "))
    | .error.crash |= {signal, why, address, named: [.frames[].places[]?.function | select(startswith("die_"))]}'
}
crash_file() { set -- crashes/*.crash; [ $# -eq 1 ] && echo "$1"; }

@test "a crash leaves one file of the stated form, which is its owner's alone" {
  printf 'first\n' >a.bin; printf streamed >streamed
  cp "$plugins/keeps.so" .
  expect 139 flame run --keep-crash crashes --env FRUIT=apple --env SECRET=x ./keeps.so die_with 'a word' '{"n":[1,2]}' @a.bin <streamed
  file=$(crash_file)
  same "$(stat -c %a "$file")" 600
  holds "$err" "hint: run it again here: flame replay crashes/keeps-die_with-"
  head -n 1 "$file" | steady >"$work/.err"; err_file=$work/.err; golden crash-head
  same "$(tail -n +2 "$file")" "first
streamed"
  ! grep -q apple "$file"
  same "$(head -n 1 "$file" | jq -r .plugin.sha256)" "$(sha256sum <keeps.so | cut -d' ' -f1)"
  same "$(find crashes -type f | wc -l)" 1
}

@test "replay is the same call: arguments, input, environment by name" {
  printf 'first\n' >a.bin; printf streamed >streamed
  expect 139 flame run --keep-crash crashes --env FRUIT=apple "$plugins/keeps.so" die_with 'a word' '{"n":[1,2]}' @a.bin <streamed
  cp "$err_file" first; rm a.bin
  FRUIT=apple expect 139 flame replay "$(crash_file)"
  same "$out" ""; holds "$err" "flame: replaying: keeps.so: die_with died of SIGSEGV"
  # What the function told of its call, and the crash, are the same again.
  diff <(grep -v '^hint' first) <(grep -v replaying "$err_file")
  holds "$err" 'a word|{"n":[1,2]}|first\x0a|streamed|apple'
  expect 139 flame replay "$(crash_file)"; holds "$err" "had FRUIT in its environment, which is not set here"; holds "$err" "|streamed|none"
  expect 139 flame replay --env FRUIT=pear "$(crash_file)"; holds "$err" "|streamed|pear"
  flame pool destroy --yes; same "$(ours)" ""; same "$(find "$XDG_RUNTIME_DIR" -name 'inline-*')" ""
}

@test "the plugin must be the one that crashed" {
  cp "$plugins/crashes.so" it.so
  expect 139 flame run --keep-crash crashes ./it.so null_write
  cp "$plugins/crashes-stripped.so" it.so
  expect 125 flame replay "$(crash_file)"; holds "$err" "has other bytes than the plugin that crashed"; holds "$err" "hint: give the one that crashed by --plugin FILE, or --force"
  expect 139 flame replay --force "$(crash_file)"; holds "$err" "has other bytes"; holds "$err" "died of SIGSEGV"
  expect 139 flame replay --plugin "$plugins/crashes.so" "$(crash_file)"; holds "$err" "#0 inner at crashes.c"
  rm it.so; expect 127 flame replay "$(crash_file)"; holds "$err" "hint: give a copy of the one that crashed by --plugin FILE"
  # Of one that only the image has, the runner told the hash.
  rm crashes/*; cp "$plugins/crashes.so" it.so
  expect 139 flame run --keep-crash crashes "image:$PWD/it.so" null_write
  expect 139 flame replay "$(crash_file)"
  cp "$plugins/crashes-stripped.so" it.so; expect 125 flame replay "$(crash_file)"; holds "$err" "has other bytes"
}

@test "files that travelled with the plugin travel again, and must be the same" {
  echo one >data.txt
  expect 139 flame run --keep-crash crashes --with data.txt "$plugins/keeps.so" die_at_once
  same "$(head -n 1 "$(crash_file)" | jq -r '.plugin.files[].path' | sort | paste -sd' ')" "data.txt keeps.so"
  expect 139 flame replay "$(crash_file)"
  echo two >data.txt
  expect 125 flame replay "$(crash_file)"; holds "$err" "are others than they were"
  expect 139 flame replay --force "$(crash_file)"
}

@test "under gdb" {
  plain_build_only "a sanitizer's worker is slow to debug"
  expect 139 flame run --keep-crash crashes "$plugins/crashes.so" null_write
  printf '#!/bin/sh\nexec gdb -nx -batch "$@" -ex bt -ex continue -ex bt -ex continue\n' >gdb-here; chmod +x gdb-here
  FLAME_GDB=$work/gdb-here expect 139 flame replay --gdb "$(crash_file)"
  holds "$err" "#0  null_write"; holds "$err" "#0  inner"; holds "$err" "died of SIGSEGV"
}

@test "only deaths leave a file; a directory that cannot be written to is told before the call" {
  expect 0 flame run --keep-crash crashes "$samples/math.so" add 1 2
  expect 7 flame run --keep-crash crashes "$plugins/faults.so" fail_with 7
  same "$(find crashes -type f)" ""
  expect 125 flame run --keep-crash crashes "$plugins/faults.so" exit_zero
  same "$(head -n 1 "$(crash_file)" | jq -r .error.kind)" exited
  touch file; expect 125 flame run --keep-crash file "$plugins/crashes.so" null_write; holds "$err" "cannot make a file in 'file'"
}

@test "an input that was read in part is not replayed unless asked" {
  mkfifo held; exec 7<>held
  printf begin >&7
  expect 139 flame run --keep-crash crashes "$plugins/keeps.so" die_at_once <held
  exec 7>&-
  expect 125 flame replay "$(crash_file)"; holds "$err" "before all of its input was read"
  expect 139 flame replay --force "$(crash_file)"
}

@test "what is no crash file, and damaged ones" {
  echo hello >bad.crash; expect 125 flame replay bad.crash; holds "$err" "'bad.crash' is no crash file that can be replayed"
  expect 125 flame replay /dev/null; expect 125 flame replay nothing.crash; expect 125 flame replay; expect 125 flame replay a b
  # A file of this revision, as it will always be read.
  sed "s|PLUGINS|$plugins|" "$BATS_TEST_DIRNAME/golden/revision-1.crash" >kept.crash
  expect 125 flame replay kept.crash; holds "$err" "has other bytes"
  expect 139 flame replay --force --env FRUIT=apple kept.crash; holds "$err" 'a word|{"n":[1,2]}|first\x0a|streamed|apple'
  for cut in 100 $(($(stat -c %s kept.crash) - 3)); do head -c "$cut" kept.crash >cut.crash; expect 125 flame replay --force cut.crash; done
  holds "$err" "shorter than its first line says"
  { cat kept.crash; echo more; } >long.crash; expect 125 flame replay --force long.crash; holds "$err" "longer than its first line says"
  sed '1s/"flame_crash":1/"flame_crash":2/' kept.crash >newer.crash; expect 125 flame replay newer.crash; holds "$err" "another revision"
}
