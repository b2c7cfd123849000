#!/usr/bin/env bash
# Three calls that show what flame does. Argument: the build directory.
set -euo pipefail
build=$1
flame=$build/cli/flame
say() { printf '\n# %s\n' "$1"; }
show() { printf '$ %s\n' "$1"; }

say "One function of a plugin, run by a runner in another process: prints its result."
show "flame run math.so add 100 20"
"$flame" run "$build/samples/math.so" add 100 20

say "Bytes streamed through a plugin: stdin in, stdout out."
show "echo 'hello from a pipe' | flame run text.so upper"
echo 'hello from a pipe' | "$flame" run "$build/samples/text.so" upper

say "A call that fails on purpose: one clear error on stderr, nothing on stdout, and the exit status tells."
show "flame run math.so fib 1000"
status=0
"$flame" run "$build/samples/math.so" fib 1000 || status=$?
echo "exit status $status"
[ "$status" -ne 0 ]
