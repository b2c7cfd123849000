#!/usr/bin/env bats
# The SDK as its users have it: from an installed tree that was moved, by hand, through pkg-config and through CMake; the
# manifest is there however the plugin is linked; mistakes are told by the compiler.
load common
setup() {
  common_setup
  cp -r "$FLAME_PREFIX" moved
  sdk=$work/moved
  export PKG_CONFIG_PATH=$sdk/share/pkgconfig
  cp "$sdk/share/flame/samples/math.c" "$sdk/share/flame/samples/text.cpp" .
}
teardown() { common_teardown; }

# is_whole FILE: the manifest is there, and the plugin works.
is_whole() {
  expect 0 flame inspect --json "$1"
  same "$(jq -r '[.manifest.functions[].name] | join(" ")' <<<"$out")" "$2"
  expect 0 flame run "$1" "${@:3}"
}
math_works() { is_whole "$1" "add mul is_prime fib mean" add 100 20; same "$out" 120; }
text_works() { is_whole "$1" "upper word_count" word_count 'one two'; same "$out" 2; }
shows_only_the_entry() { same "$(nm -D --defined-only "$1" | awk '{print $3}')" flame_plugin_v1; }

compilers() { for c in "$@"; do command -v "$c" || true; done; }

@test "by hand, as the documents say" {
  gcc -O2 -fPIC -shared -I"$sdk/include" math.c -o math.so; math_works ./math.so
  g++ -O2 -fPIC -shared -I"$sdk/include" text.cpp -o text.so; text_works ./text.so
}

@test "through pkg-config: one symbol shows, what is missing is an error of the linker" {
  gcc -O2 $(pkg-config --cflags flame-plugin) -shared math.c -o math.so $(pkg-config --libs flame-plugin)
  math_works ./math.so; shows_only_the_entry math.so
  g++ -O2 $(pkg-config --cflags flame-plugin) -shared text.cpp -o text.so $(pkg-config --libs flame-plugin)
  text_works ./text.so; shows_only_the_entry text.so
  g++ -O2 $(pkg-config --cflags flame-plugin) -static-libstdc++ -static-libgcc -shared text.cpp -o static.so $(pkg-config --libs flame-plugin)
  text_works ./static.so; shows_only_the_entry static.so
  sed 's/static int add(.*/int missing_xyz(flame_call *); static int add(flame_call *call) { return missing_xyz(call); }/' math.c >broken.c
  ! gcc $(pkg-config --cflags flame-plugin) -shared broken.c -o broken.so $(pkg-config --libs flame-plugin) 2>why
  holds "$(cat why)" missing_xyz
  case "$(pkg-config --cflags --libs flame-plugin)" in *"$sdk"*) ;; *) return 1 ;; esac
}

@test "through CMake: flame_add_plugin, and a target of one's own" {
  cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(plugins C CXX)
find_package(flame-plugin 0.1 REQUIRED)
flame_add_plugin(math math.c)
flame_add_plugin(text text.cpp)
add_library(own MODULE text.cpp)
target_link_libraries(own PRIVATE flame::plugin)
set_target_properties(own PROPERTIES PREFIX "" CXX_STANDARD 20)
CMAKE
  cmake -S . -B out -DCMAKE_PREFIX_PATH="$sdk" -DCMAKE_BUILD_TYPE=Release >log 2>&1 || { cat log; return 1; }
  cmake --build out >>log 2>&1 || { cat log; return 1; }
  math_works out/math.so; shows_only_the_entry out/math.so
  text_works out/text.so; shows_only_the_entry out/text.so
  text_works out/own.so; shows_only_the_entry out/own.so
  sed -i 's/flame-plugin 0.1/flame-plugin 99/' CMakeLists.txt
  ! cmake -S . -B out2 -DCMAKE_PREFIX_PATH="$sdk" >log 2>&1; holds "$(tr -s ' \n' ' ' <log)" "requested version \"99\""
}

@test "a C project that knows no C++" {
  printf 'cmake_minimum_required(VERSION 3.16)\nproject(p C)\nfind_package(flame-plugin REQUIRED)\nflame_add_plugin(math math.c)\n' >CMakeLists.txt
  { cmake -S . -B out -DCMAKE_PREFIX_PATH="$sdk" && cmake --build out; } >log 2>&1 || { cat log; return 1; }
  math_works out/math.so
}

@test "the manifest survives strip, LTO and gc-sections, with gcc and clang" {
  local lto="-flto" sections="-ffunction-sections -fdata-sections -Wl,--gc-sections"
  for c in $(compilers gcc clang); do
    for flags in "" "$lto" "$sections" "$lto $sections -Wl,-s"; do
      echo "$c $flags"
      [ "${c##*/}" != clang ] || flags="$flags -fuse-ld=lld"
      "$c" -O2 -Wall -Werror $flags $(pkg-config --cflags flame-plugin) -shared math.c -o math.so $(pkg-config --libs flame-plugin)
      math_works ./math.so
      strip --strip-all -o bare.so math.so; math_works ./bare.so
    done
  done
}

@test "the same in C++, 17 and 20, with and without RTTI" {
  local sections="-ffunction-sections -fdata-sections -Wl,--gc-sections"
  for c in $(compilers g++ clang++); do
    for flags in "-std=c++17" "-std=c++20 -fno-rtti $sections" "-std=c++17 -flto $sections -Wl,-s"; do
      echo "$c $flags"
      [ "${c##*/}" != clang++ ] || flags="$flags -fuse-ld=lld"
      "$c" -O2 -Wall -Wextra -Wpedantic -Wconversion -Werror $flags $(pkg-config --cflags flame-plugin) -shared text.cpp -o text.so \
        $(pkg-config --libs flame-plugin)
      text_works ./text.so
      strip --strip-all -o bare.so text.so; text_works ./bare.so
    done
  done
}

@test "a manifest of C++ is JSON however its texts look, and the same as C's" {
  expect 0 flame inspect --json "$plugins/types.so"
  same "$(jq -r '.manifest.functions[] | select(.name == "count_stream") | .doc' <<<"$out")" $'Says "how much", with a \\ and a\nnew line: €.'
  same "$(jq -r '.manifest.functions[] | select(.name == "count_stream") | .flags | if type == "array" then join(" ") else . end' <<<"$out")" "idempotent streaming"
  same "$(jq -r '.manifest.functions[] | select(.name == "everything") | .signature' <<<"$out" | head -c 60)" "(value: {flag: bool, i8: i8, u64: u64, f32: f32, text: strin"
  objcopy -O binary --only-section=.flame.manifest "$plugins/types.so" cpp.json
  objcopy -O binary --only-section=.flame.manifest "$samples/math.so" c.json
  keys() { tr -d '\0' <"$1" | jq -c '[keys, (.functions[0] | keys)]'; }
  same "$(keys cpp.json)" "$(keys c.json)"
}

# tells TEXT LINE…: a plugin of these lines does not compile, and the compiler says the text.
tells() {
  local text=$1
  shift
  { echo '#include <flame/plugin.hpp>'; printf '%s\n' "$@"; } >bad.cpp
  for c in $(compilers g++ clang++); do
    ! "$c" -std=c++17 -fsyntax-only -I"$sdk/include" bad.cpp 2>why || { echo "$c accepted: $*"; return 1; }
    holds "$(cat why)" "$text"
  done
}

@test "mistakes are told while the plugin compiles" {
  local add='static double add(double a, double b) { return a + b; }'
  tells "one name for each of its parameters" "$add" 'FLAME_PLUGIN("p", "1", flame::function("add", add, "a"))'
  tells "two functions have one name" "$add" 'FLAME_PLUGIN("p", "1", flame::function("f", add, "a", "b"), flame::function("f", add, "a", "b"))'
  tells "a function's name is not" "$add" 'FLAME_PLUGIN("p", "1", flame::function("a b", add, "a", "b"))'
  tells "a parameter's name is not" "$add" 'FLAME_PLUGIN("p", "1", flame::function("add", add, "a", "a"))'
  tells "a text is not UTF-8" "$add" 'FLAME_PLUGIN("p", "1", flame::function("add", add, "a", "b").doc("\xff"))'
  tells "cannot be a parameter or result" 'static void f(char) {}' 'FLAME_PLUGIN("p", "1", flame::function("f", f, "a"))'
  tells "cannot be a parameter or result" 'struct s {};' 'static s f() { return {}; }' 'FLAME_PLUGIN("p", "1", flame::function("f", f))'
  tells "by value or by const&" 'static void f(double& x) { x = 1; }' 'FLAME_PLUGIN("p", "1", flame::function("f", f, "x"))'
}

@test "the samples in other languages, where their compilers are" {
  [ ! -e "$samples/words.so" ] || { is_whole "$samples/words.so" distance distance kitten sitting; same "$out" 3; shows_only_the_entry "$samples/words.so"; }
  [ ! -e "$samples/linear.so" ] || {
    expect 0 flame run "$samples/linear.so" dot '[1,2,3]' '[4,5,6]'; same "$out" 32; shows_only_the_entry "$samples/linear.so"
    expect 1 flame run "$samples/linear.so" dot '[1,2]' '[1]'; holds "$err" "differ in length"
  }
  [ -e "$samples/words.so" ] || ! command -v rustc >/dev/null
  [ -e "$samples/linear.so" ] || ! command -v gfortran >/dev/null
  for so in "$samples"/*.so; do ls "${so%.so}".[^s]*; done
}

@test "a thumbnail: bytes in, bytes out; what is no picture is refused" {
  { printf 'P6\n# four colours\n4 2\n255\n'; printf '\0\0\0\10\10\10\20\20\20\30\30\30\2\2\2\12\12\12\22\22\22\32\32\32'; } >in.ppm
  expect 0 flame run "$samples/image.so" thumbnail @in.ppm 2
  { printf 'P6\n2 1\n255\n'; printf '\5\5\5\25\25\25'; } | cmp - "$out_file"
  expect 0 flame run "$samples/image.so" thumbnail @in.ppm 100
  { printf 'P6\n4 2\n255\n'; tail -c 24 in.ppm; } | cmp - "$out_file"
  head -c 30 in.ppm >cut.ppm
  expect 65 flame run "$samples/image.so" thumbnail @cut.ppm 2; same "$out" ""; holds "$err" "cut short"
  expect 65 flame run "$samples/image.so" thumbnail @text.cpp 2; holds "$err" "P6"
  expect 65 flame run "$samples/image.so" thumbnail 'P6 99999999 99999999 255 ' 2; holds "$err" 1048576
  expect 64 flame run "$samples/image.so" thumbnail @in.ppm 0
  expect 125 flame run "$samples/image.so" thumbnail @in.ppm -1; holds "$err" "'size' wants u32"
}
