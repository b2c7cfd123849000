#!/usr/bin/env bats
# flame check, flame image-facts, and the check that run makes by itself before a machine is booted.
load common
setup() { common_setup; skew=$plugins/skew; }
teardown() { common_teardown; }

# finds PLUGIN AGAINST PART…: exit 126, and a finding on stdout that holds each part and what to do.
finds() {
  local plugin=$1 against=$2
  shift 2
  expect 126 flame check --against "$against" "$plugin"
  for part in "$@"; do holds "$out" "$part"; done
  holds "$out" "  Fix: "
}

@test "versions that a base image lacks, with the symbols that need them" {
  finds "$skew/new_glibc.so" debian:12 "new_glibc.so needs GLIBC_2.38 of libc.so.6 (__isoc23_strtol)" "the newest of debian:12 is GLIBC_2.36"
  finds "$skew/new_glibc.so" ubuntu:22.04 GLIBC_2.35
  expect 0 flame check --against ubuntu:24.04 "$skew/new_glibc.so"
  expect 0 flame check --against debian:13 "$skew/new_glibc.so"
  finds "$skew/new_libstdcxx.so" debian:12 "GLIBCXX_3.4.32 of libstdc++.so.6 (std::ios_base_library_init())" GLIBCXX_3.4.30 -static-libstdc++
  expect 0 flame check --against ubuntu:24.04 "$skew/new_libstdcxx.so"
  same "$(flame check --json --against debian:12 "$skew/new_glibc.so" | jq -c '[.loads, .against, .findings[].code]')" '[false,"debian:12","version"]'
}

@test "libraries that the image lacks, over the whole closure" {
  finds "$skew/no_library.so" debian:12 "no_library.so needs libopenblas.so.0" "lay it beside the plugin"
  finds "$skew/no_library_below.so" debian:12 "libmiddle.so needs libopenblas.so.0" "travels along: "
  # Beside the plugin it is found by $ORIGIN, and then all is well.
  cp "$skew/no_library_below.so" "$skew/libmiddle.so" .; cp "$skew/libstub_blas.so" libopenblas.so.0
  expect 0 flame check --against debian:12 no_library_below.so
  same "$(flame check --json --against debian:12 no_library_below.so | jq -r '.beside[]' | xargs -n1 basename | sort | paste -sd' ')" "libmiddle.so libopenblas.so.0"
}

@test "machine, ISA level, ABI, musl, executable stack, symbols, sanitizers, no plugin" {
  cp "$samples/math.so" other.so; printf '\xb7\x00' | dd of=other.so bs=1 seek=18 conv=notrunc status=none
  [ "$(uname -m)" = aarch64 ] || finds other.so <(flame image-facts) "other.so is for arm64"
  if [ -e "$skew/isa_v4.so" ]; then
    flame image-facts | jq '.isa_level = 3 | .source = "a small CPU"' >v3.json
    finds "$skew/isa_v4.so" v3.json "x86-64-v4" "a small CPU has x86-64-v3" "-march=x86-64-v3"
    jq '.isa_level = 4' v3.json >v4.json; expect 0 flame check --against v4.json "$skew/isa_v4.so"
  fi
  sed 's/"abi_needed":1/"abi_needed":9/' "$samples/math.so" >abi9.so
  finds abi9.so <(flame image-facts) "needs ABI 9"
  finds "$samples/math.so" alpine:3 musl
  finds "$skew/exec_stack.so" debian:13 "executable stack"
  expect 0 flame check --against debian:12 "$skew/exec_stack.so"; holds "$out" "warning: "
  expect 0 flame check --against debian:12 "$skew/text_relocation.so"; holds "$out" "text relocations"
  finds "$plugins/undefined_symbol.so" debian:12 missing_function_xyz
  finds "$skew/instrumented.so" debian:12 __asan_init asan
  finds "$plugins/no_entry.so" debian:12 "not a flame plugin"
}

@test "facts of an image: as the loader would find its libraries, links followed inside its root" {
  mkdir -p root/usr/lib root/opt/own root/etc/ld.so.conf.d; ln -s usr/lib root/lib
  cp -L "$(gcc -print-file-name=libstdc++.so.6)" root/usr/lib/libreal.so; ln -s /usr/lib/libreal.so root/usr/lib/libstdc++.so.6
  cp "$skew/libstub_blas.so" root/opt/own/libopenblas.so.0; ln -s /etc/passwd root/usr/lib/libescape.so
  echo 'include /etc/ld.so.conf.d/*.conf' >root/etc/ld.so.conf; echo '/opt/own # ours' >root/etc/ld.so.conf.d/own.conf
  echo 'GROUP ( libc.so.6 )' >root/usr/lib/libscript.so
  expect 0 flame image-facts --root root --name mine; same "$err" ""
  same "$(jq -c '[.source, .libc, (.libraries | keys)]' <<<"$out")" '["mine","",["libopenblas.so.0","libstdc++.so.6"]]'
  holds "$(jq -c '.libraries."libstdc++.so.6".versions' <<<"$out")" GLIBCXX_3.4.30
  same "$(flame image-facts | jq -r .libc_version)" "$(getconf GNU_LIBC_VERSION | cut -d' ' -f2)"
  same "$(flame image-facts | jq -r .machine)" "$(uname -m)"
  # A library of the image that itself lacks one is told of.
  flame image-facts | jq '.libraries."libopenblas.so.0" = {"versions":[],"needed":["libgone.so.1"]} | .source = "ours"' >ours.json
  finds "$skew/no_library.so" ours.json "libopenblas.so.0 of ours needs libgone.so.1"
  jq '.libraries."libgone.so.1" = {"versions":[]}' ours.json >whole.json; expect 0 flame check --against whole.json "$skew/no_library.so"
}

@test "a base on which flame-worker itself does not run: a warning" {
  # This computer's libc, and one that is older than any worker.
  flame image-facts | jq '.base = true | .source = "ours"' >ours.json
  jq '.libraries."libc.so.6" = {"newest":["GLIBC_2.17"]} | .source = "an old base"' ours.json >old.json
  same "$(flame check --json --against ours.json "$samples/math.so" | jq -c '[.findings[].code]')" '[]'
  holds "$(flame check --json --against old.json "$skew/grows.so" | jq -r '.findings[] | select(.code == "worker") | .what + "|" + .why')" "flame-worker of this flame needs GLIBC_2."
  holds "$(flame check --against old.json "$skew/grows.so" || true)" "the newest of an old base is GLIBC_2.17, and plugins run in flame-worker"
}

@test "against what: files, bases, pools, runners; what is none of these" {
  for base in $(flame check --bases); do [ "$base" = alpine:3 ] || expect 0 flame check --against "$base" "$skew/grows.so"; done
  expect 125 flame check --against dbian:12 "$samples/math.so"; holds "$err" "did you mean 'debian:12'"
  echo '{"flame_facts":2}' >bad.json; expect 125 flame check --against bad.json "$samples/math.so"; holds "$err" "no image facts"
  expect 127 flame check ./nothing.so; expect 126 flame check "$work"; expect 125 flame check
  expect 0 flame check "$samples/math.so"; same "$(ours)" ""
  flame pool warm
  expect 0 flame check --against default "$samples/math.so"; holds "$out" "will load on the runner"
  finds "$skew/new_glibc.so" default "GLIBC_2.38"
}

@test "warm records what the image of its runners offers; a runner that is ready is asked" {
  mkdir bin; printf '#!/bin/sh\nexec %s\n' "$FLAME_PREFIX/libexec/flame/flame-backend-local" >bin/flame-backend-own; chmod +x bin/flame-backend-own
  export PATH=$work/bin:$PATH FLAME_BACKEND=own
  expect 0 flame pool warm; same "$out$err" ""
  facts=$XDG_CACHE_HOME/flame/facts/default.json
  same "$(jq -c '[.complete, .source, (.generation | length > 0)]' "$facts")" '[true,"the image of the pool default",true]'
  same "$(jq -S '[.libraries, .libc_version, .machine, .isa_level, .abi]' "$facts")" "$(flame image-facts | jq -S '[.libraries, .libc_version, .machine, .isa_level, .abi]')"
  flame pool destroy --yes
  expect 126 flame run "$skew/no_library.so" one; holds "$err" libopenblas.so.0; holds "$err" "the image of the pool default"; holds "$err" "nothing was started"
  # Of the local engine nothing is recorded; it is asked itself.
  unset FLAME_BACKEND; rm "$facts"
  flame pool warm; [ ! -e "$facts" ]
  finds "$skew/no_library.so" default libopenblas.so.0 "the runner flame-default-0"
  finds "$skew/no_library.so" flame-default-0 libopenblas.so.0
  flame pool destroy --yes
  # A strict sandbox may hide libraries: nothing is said of them.
  printf '[pool.default]\nsandbox = "strict"\n' >flame.toml
  flame pool warm; expect 0 flame check --against default "$skew/no_library.so"
}

@test "run checks by itself before it boots, and says all at once" {
  flame image-facts --name "the app's image" | jq '.libraries."libc.so.6" = {"newest":["GLIBC_2.17"]}' >old.json
  flame image-facts --record default old.json
  expect 126 flame run "$skew/new_glibc.so" one
  same "$out" ""; same "$(grep -c '^flame: ' "$err_file")" 1
  holds "$err" "GLIBC_2.38"; holds "$err" "the app's image"; holds "$err" "hint: "; holds "$err" "nothing was started"
  expect 126 flame run "$skew/no_library_below.so" one; holds "$err" libopenblas.so.0
  expect 126 flame map "$skew/new_glibc.so" one <<<1; holds "$err" "nothing was started"
  same "$(ours)" ""
  # What loads there runs, and facts of another generation count for nothing.
  expect 0 flame run "$samples/math.so" add 1 2
  flame pool destroy --yes
  jq '.generation = "another"' old.json >other.json; flame image-facts --record default other.json
  expect 126 flame run "$skew/new_glibc.so" one; holds "$err" "cannot load the plugin"
}

@test "a plugin is hashed and parsed once; a changed file is read again" {
  # Files that have just been written are not remembered: wait until they are.
  touch_run() { flame run --dry-run "$1" add 1 2; }
  cp "$samples/math.so" p.so
  until touch_run p.so >first && ls "$XDG_CACHE_HOME"/flame/plugins/* >/dev/null 2>&1; do :; done
  entry=$(echo "$XDG_CACHE_HOME"/flame/plugins/*)
  same "$(stat -c %a "$entry")" 600
  # It is believed: an entry with another hash shows it was not computed. Its checksum is kept right.
  python3 - "$entry" <<'P'
import sys
p = sys.argv[1]; b = bytearray(open(p, 'rb').read()); m = len(b'flame-plugin-1\n')
at = m + 8 + 40 + 4; b[at:at + 4] = b'f1ee'
h = 0xcbf29ce484222325
for c in b[m + 8:]: h = (h ^ c) * 0x100000001b3 & (1 << 64) - 1
b[m:m + 8] = h.to_bytes(8, 'little'); open(p, 'wb').write(b)
P
  holds "$(touch_run p.so)" "sha256 f1ee"
  # What others may write, damaged entries and changed files are not.
  chmod 666 "$entry"; same "$(touch_run p.so)" "$(cat first)"
  head -c 100 "$entry" >cut; cat cut >"$entry"; same "$(touch_run p.so)" "$(cat first)"
  cat "$samples/text.so" >p.so; expect 0 flame run --dry-run p.so word_count x; holds "$out" "$(sha256sum p.so | cut -d' ' -f1)"
}
