#!/usr/bin/env bats
# flame inspect: what a plugin's file tells, with nothing of it run.
load common
setup() { common_setup; skew=$plugins/skew; }
teardown() { common_teardown; }

# field PLUGIN FILTER: one field of the JSON.
field() { flame inspect --json "$1" | jq -c "$2"; }

@test "functions, docs, flags, the file's identity; no runner is started" {
  expect 0 flame inspect "$samples/math.so"; same "$err" ""
  holds "$out" "math 1.0, needs ABI 1"; holds "$out" "add(a: f64, b: f64) -> f64  [idempotent]"; holds "$out" "Sum of a and b."
  holds "$out" "$(sha256sum "$samples/math.so" | cut -d' ' -f1)"
  same "$(field "$samples/math.so" .sha256)" "\"$(sha256sum "$samples/math.so" | cut -d' ' -f1)\""
  same "$(field "$samples/math.so" .size_bytes)" "$(stat -c %s "$samples/math.so")"
  same "$(field "$samples/math.so" '[.manifest.functions[].name]')" '["add","mul","is_prime","fib","mean"]'
  same "$(field "$samples/math.so" .build_id)" "\"$(readelf -n "$samples/math.so" | awk '/Build ID/ {print $3}')\""
  same "$(field "$samples/math.so" '[.exported, .exports_entry]')" '[["flame_plugin_v1"],true]'
  same "$(ours)" ""
}

@test "a large plugin is not read for its hash alone" {
  { cat "$samples/math.so"; head -c 34000000 /dev/zero; } >large.so
  hash=$(sha256sum large.so | cut -d' ' -f1)
  # A shell counts what its children read.
  expect 0 bash -c 'flame inspect large.so; cat /proc/$$/io'
  holds "$out" "sha256      not computed, for that reads all of it: --hash"; holds "$out" "add(a: f64, b: f64) -> f64"
  [ "$(awk '/^rchar/ {print $2}' "$out_file")" -lt 2000000 ]
  expect 0 flame inspect --hash large.so; holds "$out" "sha256      $hash"
  same "$(field large.so .sha256)" "\"$hash\""
  # Once it is remembered it is told.
  until flame inspect large.so | grep -q "$hash"; do flame inspect --hash large.so >/dev/null; done
}

@test "needed versions name the symbols that need the newest" {
  same "$(field "$skew/new_glibc.so" '.newest[0]')" '{"library":"libc.so.6","version":"GLIBC_2.38","symbols":["__isoc23_strtol"]}'
  expect 0 flame inspect "$skew/new_libstdcxx.so"
  holds "$out" "GLIBCXX_3.4.32 of libstdc++.so.6 (std::ios_base_library_init())"
  # The same versions as readelf finds.
  want=$(readelf -VW "$plugins/faults.so" | grep -o 'Name: [A-Z_]*_[0-9.]*' | awk '{print $2}' | sort | paste -sd' ')
  same "$(flame inspect --json "$plugins/faults.so" | jq -r '.versions[].version' | sort | paste -sd' ')" "$want"
}

@test "libraries and paths; symbols as readelf and c++filt find them" {
  same "$(field "$skew/no_library.so" .needed)" '["libopenblas.so.0"]'
  holds "$(field "$skew/no_library_below.so" .runpath)" '$ORIGIN'
  holds "$(field "$skew/leaky.so" .exported)" "demo::leaked(std::vector<int, std::allocator<int> > const&)"
  same "$(field "$skew/leaky.so" .unique_symbols)" 1
  lib=$(ldconfig -p 2>/dev/null | awk '/libstdc\+\+\.so\.6 / {print $NF; exit}'); lib=${lib:-$(gcc -print-file-name=libstdc++.so.6)}
  want=$(readelf --dyn-syms -W "$lib" | awk '$7 != "UND" && $7 != "ABS" && $5 != "LOCAL" && $8 != "" && NR > 3 {print $8}' | grep -c .)
  same "$(field "$lib" '.exported | length')" "$want"
  same "$(field "$lib" .soname)" '"libstdc++.so.6"'
}

@test "what other machines and images refuse" {
  same "$(field "$skew/exec_stack.so" .executable_stack)" true; same "$(field "$samples/math.so" .executable_stack)" false
  same "$(field "$skew/text_relocation.so" .text_relocations)" true; same "$(field "$samples/math.so" .text_relocations)" false
  same "$(field "$skew/instrumented.so" .sanitizers)" '["asan"]'
  if [ -e "$skew/isa_v4.so" ]; then same "$(field "$skew/isa_v4.so" .isa_level)" 4; fi
  expect 0 flame inspect "$skew/exec_stack.so"; holds "$out" "executable stack"
  expect 0 flame inspect "$skew/text_relocation.so"; holds "$out" "text relocations"
}

@test "debug info and stripped files" {
  printf '#include <flame/plugin.h>\nstatic int f(flame_call *c) { (void)c; return 0; }\n#define F_(F) F(f, "()", "", "", "")\nFLAME_PLUGIN_C("d", "1", F_)\n' >d.c
  gcc -g -shared -fPIC -I"$FLAME_PREFIX/include" d.c -o d.so
  same "$(field d.so '[.debug_info, .stripped]')" '[true,false]'
  strip d.so; same "$(field d.so '[.debug_info, .stripped]')" '[false,true]'
  same "$(field d.so '.manifest.functions[0].name')" '"f"'
}

@test "texts of the file are shown, not obeyed" {
  expect 0 flame inspect "$skew/hostile_texts.so"
  holds "$out" 'clear \x1b[2J screen'; holds "$out" 'esc\x1b]0;title\x07'
  [ "$(LC_ALL=C tr -d '\n\40-\176' <"$out_file" | wc -c)" -eq 0 ]
  flame inspect --json "$skew/hostile_texts.so" | jq -e . >/dev/null
}

@test "other machines are told of; what is no plugin is refused" {
  cp "$samples/math.so" other.so; printf '\xf3\x00' | dd of=other.so bs=1 seek=18 conv=notrunc status=none
  same "$(field other.so .machine)" '"RISC-V"'
  cp "$samples/math.so" small.so; printf '\1' | dd of=small.so bs=1 seek=4 conv=notrunc status=none
  same "$(field small.so .bits)" 32
  expect 127 flame inspect ./nothing.so; holds "$err" nothing.so
  expect 126 flame inspect "$work"; holds "$err" directory
  head -c 5000 "$samples/math.so" >cut.so; expect 126 flame inspect cut.so; holds "$err" truncated; same "$out" ""
  expect 125 flame inspect; expect 125 flame inspect --jsn x; holds "$err" "did you mean '--json'"
  expect 0 flame inspect --help; holds "$out" Example
}
