#!/usr/bin/env bats
# flame run --inline: the same call on a runner of its own here, also under gdb and valgrind.
load common
load terminal
setup() { common_setup; }
teardown() { close_terminal; common_teardown; }

# A gdb that asks its terminal nothing: the words of COMMANDS after ours, one an argument, then it ends.
scripted_gdb() {
  { echo '#!/bin/bash'; echo 'exec gdb -nx -batch "$@" \'; printf -- '-ex %q ' "$@"; } >gdb-here
  chmod +x gdb-here
  export FLAME_GDB=$work/gdb-here
}

# Nothing of it is left: no process, no file in the runtime directory.
nothing_left() { same "$(ours)" ""; same "$(find "$XDG_RUNTIME_DIR" -name 'inline-*')" ""; }

@test "as run: result, bytes, input, environment, files that travel; the pool is not asked" {
  expect 0 flame run --inline "$samples/math.so" add 100 20; same "$out" 120
  printf 'a b\nc' >book.txt
  expect 0 flame run --inline "$samples/text.so" word_count @book.txt; same "$out" 3
  same "$(printf 'abc' | flame run --inline "$samples/text.so" upper)" ABC
  expect 0 flame run --inline --env FRUIT=apple "$plugins/faults.so" env FRUIT; same "$out" '"apple"'
  expect 0 flame run --inline "image:$samples/math.so" add 1 2; same "$out" 3
  echo there >elsewhere.txt
  expect 0 flame run --inline --with elsewhere.txt "$plugins/travels.so" from_file elsewhere.txt; same "$out" '"there\n"'
  expect 0 flame run --inline --with elsewhere.txt "$plugins/travels.so" from_library; same "$out" 4711
  nothing_left
  # An engine that cannot be asked is none of its business.
  FLAME_BACKEND=none expect 0 flame run --inline "$samples/math.so" add 1 2; same "$out" 3
}

@test "as run: exit status and words of every end" {
  for mode in "" --inline; do
    expect 139 flame run $mode "$plugins/crashes.so" null_write; cp "$err_file" "died$mode"
    expect 7 flame run $mode "$plugins/faults.so" fail_with 7; cp "$err_file" "failed$mode"
    expect 127 flame run $mode "$samples/math.so" addd 1 2; cp "$err_file" "unknown$mode"
    expect 126 flame run $mode "$plugins/undefined_symbol.so" call_it; cp "$err_file" "unloadable$mode"
    expect 124 flame run $mode --timeout 300ms "$plugins/faults.so" spin; cp "$err_file" "late$mode"
  done
  for what in died failed unknown unloadable late; do diff "$what" "$what--inline"; done
  flame pool destroy --yes; nothing_left
}

@test "under gdb: it stops where the function begins, and the call ends as it would" {
  plain_build_only "a sanitizer's worker is slow to debug"
  scripted_gdb bt "print flame_called_function" continue
  expect 0 flame run --inline --gdb "$samples/math.so" add 100 20
  same "$out" 120; holds "$err" "add ("; holds "$err" "flame_invoke"; holds "$err" "exited normally"
  scripted_gdb continue bt continue
  expect 139 flame run --gdb "$plugins/crashes.so" null_write
  holds "$err" "inner"; holds "$err" "crashes.c:"; holds "$err" "flame: crashes.so: null_write died of SIGSEGV (write to address 0x0"
  # Detached from in mid-call, or no debugger at all: the call goes on.
  scripted_gdb detach; expect 0 flame run --gdb "$samples/math.so" add 100 20; same "$out" 120
  FLAME_GDB=/bin/true expect 0 flame run --gdb "$samples/math.so" add 100 20; same "$out" 120
  FLAME_GDB=no-such-gdb expect 125 flame run --gdb "$samples/math.so" add 100 20; holds "$err" "'no-such-gdb' is not on PATH"; holds "$err" "hint: install the package gdb"
  nothing_left
}

@test "Ctrl-C is for gdb; once gdb is gone it cancels the call" {
  plain_build_only "a sanitizer's worker is slow to debug"
  mkfifo held
  printf '#!/bin/sh\nkill -INT "$PPID"\n' >gdb-here; chmod +x gdb-here
  FLAME_GDB=$work/gdb-here env --default-signal=INT flame run --gdb "$plugins/faults.so" hold "$work/held" & pid=$!
  exec 7>held  # the first Ctrl-C did nothing, and the function has begun
  kill -INT "$pid"; status=0; wait "$pid" || status=$?
  exec 7>&-
  same "$status" 130
  nothing_left
}

@test "under gdb at a terminal: keys go to gdb, the result comes, the prompt is left in order" {
  plain_build_only "a sanitizer's worker is slow to debug"
  open_terminal 120 40 "bash --norc -c 'FLAME_GDB=\"gdb -nx\" flame run --gdb $samples/math.so add 100 20; echo status \$?; exec cat'"
  sees 'Temporary breakpoint 1, .*add ('
  keys 'print 6*7' Enter; sees '= 42'
  keys 'continue' Enter; sees '^120'; sees 'exited normally'
  keys 'quit' Enter; sees 'status 0'
  close_terminal
  nothing_left
}

@test "under valgrind: its findings come on stderr, the status is the function's" {
  plain_build_only "valgrind and sanitizers exclude each other"
  expect 0 flame run --valgrind "$samples/math.so" add 100 20; same "$out" 120; same "$err" ""
  expect 139 flame run --valgrind "$plugins/crashes.so" null_write; same "$out" ""
  holds "$err" "Invalid write of size 4"; holds "$err" "inner (crashes.c:"; holds "$err" "died of SIGSEGV"
  expect 125 flame run --gdb --valgrind "$samples/math.so" add 1 2; holds "$err" "exclude each other"
  FLAME_VALGRIND="valgrind --leak-check=full --error-exitcode=3" expect 0 flame run --valgrind "$samples/math.so" add 1 2
  nothing_left
}

@test "a second Ctrl-C leaves at once: the runner ends by itself and takes its folder along" {
  mkfifo held
  env --default-signal=INT flame run --inline "$plugins/faults.so" hold "$work/held" & pid=$!
  exec 7>held  # it has begun
  runner=$(pgrep -P "$pid")
  kill -STOP "$runner"  # so that the call cannot end before the second
  kill -INT "$pid"
  until grep -q '^ShdPnd:\s*0*$' "/proc/$pid/status"; do sleep 0.01; done
  kill -INT "$pid"; status=0; wait "$pid" || status=$?
  same "$status" 130
  kill -CONT "$runner"
  exec 7>&-
  timeout 60 tail -s 0.02 --pid="$runner" -f /dev/null
  nothing_left
}

@test "a signal ends the call, the runner and its worker" {
  mkfifo held
  flame run --inline "$plugins/faults.so" hold "$work/held" & pid=$!
  exec 7>held  # it has begun
  kill -TERM "$pid"; status=0; wait "$pid" || status=$?
  same "$status" 143
  exec 7>&-
  nothing_left
}
