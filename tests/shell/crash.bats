#!/usr/bin/env bats
# A function that dies: the signal and why, and the lines where, from the caller's own file.
load common
setup() { common_setup; source_file=$BATS_TEST_DIRNAME/../plugins/crashes; }
teardown() { common_teardown; }

# line_of MARK: the line of crashes.c or crashes.cpp that ends in this mark.
line_of() { grep -hn "/[/*] $1\( \*/\)\?$" "$source_file".c* | cut -d: -f1; }

# dies STATUS FUNCTION PART…: the exit status, an empty stdout, one "flame:" line that holds each part.
dies() {
  local want=$1 function=$2
  shift 2
  expect "$want" flame run "${plugin:-$plugins/crashes.so}" "$function"
  same "$out" ""
  same "$(grep -c '^flame: ' "$err_file")" 1
  for part in "$@"; do holds "$err" "$part"; done
}

@test "a write to NULL: signal, address, access, functions and lines" {
  dies 139 null_write "flame: crashes.so: null_write died of SIGSEGV (write to address 0x0, not mapped)"
  same "$(grep -A9 '^flame' "$err_file" | tail -n +2)" "  #0 inner at crashes.c:$(line_of null_write)
  #1 null_write at crashes.c:$(($(line_of null_write) + 4))"
}

@test "each death says what it is" {
  dies 139 freed_read "SIGSEGV (read of address 0x" "not mapped" "#0 look at crashes.c:$(line_of freed_read)"
  dies 139 constant_write "SIGSEGV (write to address 0x" "read-only" "#0 constant_write at crashes.c:$(line_of constant_write)"
  dies 139 wild_jump "SIGSEGV (jump to address 0x0" "#1 wild_jump at crashes.c:$(line_of wild_jump)"
  dies 139 wild_pointer "SIGSEGV (a wild pointer" "#0 wild_pointer at crashes.c:$(line_of wild_pointer)"
  dies 139 stack_overflow "SIGSEGV (stack overflow" "recurse at crashes.c:$(line_of stack_overflow) (6"
  dies 134 call_abort "SIGABRT (abort() was called)" "call_abort at crashes.c:$(line_of call_abort)"
  dies 134 assertion "Assertion \`two == 3' failed" "assertion at crashes.c:$(line_of assertion)"
  dies 134 double_free "SIGABRT (free(): double free" "double_free at crashes.c:$(line_of double_free)"
  dies 136 divide "SIGFPE (integer division by zero" "#0 divide at crashes.c:$(line_of divide)"
  dies 135 beyond_file "SIGBUS (read of address 0x" "beyond the end of its file" "#0 beyond_file at crashes.c:$(line_of beyond_file)"
  dies 132 bad_instruction "SIGILL (illegal instruction" "#0 bad_instruction at crashes.c:$(line_of bad_instruction)"
  dies 143 terminated "SIGTERM"
}

@test "a smashed stack: the report ends where the stack does, and the signal is the true one" {
  dies 134 smashed_stack "SIGABRT (stack smashing detected)" "overwrite at crashes.c:$(line_of smashed_stack)"
  dies 139 unguarded_stack "SIGSEGV (" "#0 overwrite_unguarded at crashes.c:$(line_of unguarded_stack)"
}

@test "a thread, an inlined function, a host function called wrongly, a plugin that dies while it is loaded" {
  dies 139 in_thread "#1 die_in_thread at crashes.c:"
  dies 139 in_inlined "#0 inlined_store at crashes.c:$(line_of in_inlined) (inlined)" "#0 in_inlined at crashes.c:$(line_of in_inlined_call)"
  dies 139 bad_argument "read of address 0x10" "bad_argument at crashes.c:"
  plugin=$plugins/crash_at_load.so dies 126 never "died of SIGSEGV (write to address 0x0" "#0 at_load at crash_at_load.c:"
}

@test "an uncaught C++ exception: type, what() and where it was thrown" {
  dies 134 throw_deep "SIGABRT (uncaught shop::price_error: no price for item 7)" "shop::price_of(int) at crashes.cpp:$(line_of throw_deep)"
  dies 134 throw_number "SIGABRT (uncaught int)" "throw_number at crashes.cpp:"
  dies 134 throw_noexcept "uncaught shop::price_error" "never_throws at crashes.cpp:"
  expect 134 flame run --cause-fd 3 "$plugins/crashes.so" throw_deep 3>cause.json
  same "$(jq -r '.crash.exception | .type + "|" + .what' cause.json)" "shop::price_error|no price for item 7"
}

@test "a stripped copy ran: named from the unstripped file with its build id, and only from it" {
  plugin=$plugins/crashes-stripped.so dies 139 null_write "crashes-stripped.so+0x" "(no debug information)"
  FLAME_SYMBOLS=/nowhere:$plugins plugin=$plugins/crashes-stripped.so dies 139 null_write "crashes-stripped.so+0x"
  FLAME_SYMBOLS=$plugins/crashes.so plugin=$plugins/crashes-stripped.so dies 139 null_write "#0 inner at crashes.c:$(line_of null_write)"
  FLAME_SYMBOLS=$plugins/faults.so plugin=$plugins/crashes-stripped.so dies 139 null_write "crashes-stripped.so+0x"
  # The file of that name is another one by now: its lines would be lies.
  cp "$plugins/crashes-stripped.so" image.so; mkdir symbols; cp "$plugins/faults.so" symbols/image.so
  FLAME_SYMBOLS=$PWD/symbols plugin=./image.so dies 139 null_write "image.so+0x"
  cp "$plugins/crashes.so" symbols/image.so
  FLAME_SYMBOLS=$PWD/symbols plugin=./image.so dies 139 null_write "#0 inner at crashes.c:$(line_of null_write)"
}

@test "the report as JSON: on --json-errors and --cause-fd" {
  expect 139 flame run --json-errors --cause-fd 3 "$plugins/crashes.so" null_write 3>cause.json
  tail -n 1 "$err_file" | cmp - cause.json
  same "$(jq -r '.crash | [.signal, .why, .address] | join("|")' cause.json)" "SIGSEGV|write to address 0x0, not mapped|0x0"
  same "$(jq -r '.crash.frames[0].places[0] | .function + ":" + (.line | tostring)' cause.json)" "inner:$(line_of null_write)"
  same "$(jq -r '.crash.frames[0].sha256' cause.json)" "$(sha256sum <"$plugins/crashes.so" | cut -d' ' -f1)"
  same "$(jq -r '.crash.frames[0].build_id' cause.json)" "$(readelf -n "$plugins/crashes.so" | sed -n 's/ *Build ID: //p')"
}

@test "what one call printed explains no other; the next call is served" {
  expect 0 flame run "$plugins/faults.so" chatter
  expect 139 flame run --cause-fd 3 "$plugins/faults.so" segfault 3>cause.json
  same "$(jq -r '.crash.stderr_tail // "none"' cause.json)" none
  expect 0 flame run "$samples/math.so" add 1 2; same "$out" 3
}

@test "out of memory, a kill and a deadline are told apart, in words and as cause" {
  plain_build_only "a sanitizer's shadow takes more"
  # The local engine's runner, with a limit for its workers.
  mkdir bin
  printf '#!/bin/sh\nexec %s "$@" --worker-memory-bytes 100000000\n' "$FLAME_PREFIX/bin/flame-runner" >limited
  printf '#!/bin/sh\nsed -u "s|\\"runner_path\\":\\"[^\\"]*|\\"runner_path\\":\\"%s|" | %s\n' "$work/limited" "$FLAME_PREFIX/libexec/flame/flame-backend-local" >bin/flame-backend-own
  chmod +x limited bin/flame-backend-own
  export PATH=$work/bin:$PATH FLAME_BACKEND=own
  told() { jq -r '.kind + " " + .fate + " " + (.signal | tostring)' cause.json; }
  expect 137 flame run --cause-fd 3 "$plugins/faults.so" hog 3>cause.json
  same "$(told)" "out_of_memory crashed 0"; holds "$err" "hog"; holds "$err" memory
  expect 137 flame run --cause-fd 3 "$plugins/crashes.so" killed 3>cause.json
  same "$(told)" "crashed crashed 9"; holds "$err" "killed died of SIGKILL"
  expect 124 flame run --timeout 300ms --cause-fd 3 "$plugins/faults.so" spin 3>cause.json
  same "$(told)" "timed_out timed_out 0"
  # What the call took is told with every end.
  expect 0 flame run -v "$plugins/faults.so" alloc 50000000; holds "$err" "peak"
  flame pool destroy --yes
}
