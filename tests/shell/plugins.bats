#!/usr/bin/env bats
# Plugins and places that cannot be used: one clear error each; and wrong command lines.
load common
setup() { common_setup; }
teardown() { common_teardown; }

# refused STATUS PATH FUNCTION PART…: that status, an empty stdout, one error line that holds each part.
refused() {
  local want=$1 path=$2 fn=$3
  shift 3
  expect "$want" flame run "$path" "$fn"
  same "$out" ""
  same "$(grep -c '^flame: ' "$err_file")" 1
  for part in "$@"; do holds "$err" "$part"; done
}

@test "files that are no plugins, before any runner is started" {
  refused 127 ./nothing.so fn nothing.so
  mkdir dir.so; refused 126 ./dir.so fn directory
  : >empty.so; refused 126 ./empty.so fn empty
  echo 'text, and no ELF file at all' >text.so; refused 126 ./text.so fn ELF
  for n in 16 63 64 200 5000; do head -c "$n" "$samples/math.so" >cut.so; refused 126 ./cut.so add truncated; done
  cp "$samples/math.so" other.so; printf '\xf3\x00' | dd of=other.so bs=1 seek=18 conv=notrunc status=none
  refused 126 ./other.so add RISC-V
  refused 126 "$plugins/no_entry.so" fn flame_plugin_v1
  refused 127 "$samples/math.so" ad "'ad'"; holds "$err" "did you mean 'add'?"
  same "$(ours)" ""
}

@test "an undefined symbol is named" { refused 126 "$plugins/undefined_symbol.so" call_it missing_function_xyz; }

@test "a runtime directory that is not ours alone; a socket path that is too long" {
  mkdir "$XDG_RUNTIME_DIR/flame"; chmod 0777 "$XDG_RUNTIME_DIR/flame"
  expect 125 flame run "$samples/math.so" add 1 2; same "$out" ""; holds "$err" "$XDG_RUNTIME_DIR/flame"
  rm -r "$XDG_RUNTIME_DIR/flame"
  long=$work/$(printf 'x%.0s' $(seq 120)); mkdir -m 0700 "$long"
  XDG_RUNTIME_DIR=$long expect 125 flame run "$samples/math.so" add 1 2; holds "$err" XDG_RUNTIME_DIR
}

@test "help has an example; wrong usage is 125 with the nearest word" {
  for command in "" run pool; do
    expect 0 flame $command --help; same "$err" ""; holds "$out" Example
    [ "$(wc -l <"$out_file")" -le 40 ]
  done
  expect 125 flame poool; holds "$err" "did you mean 'pool'"; same "$out" ""
  expect 125 flame run --timeuot 3 x y; holds "$err" "--timeout"
  expect 125 flame run --timeout soon x y; holds "$err" soon
  expect 0 flame run --dry-run "$samples/math.so" add 1 2
  same "$(ours)" ""
}
