#!/usr/bin/env bats
# flame-plugin(3) against the headers: everything that a plugin may use is told, and the examples are plugins.
load common
setup() {
  common_setup
  page=$BATS_TEST_DIRNAME/../../man/flame-plugin.3.scd
  include=$FLAME_PREFIX/include
}
teardown() { common_teardown; }

# told NAME…: each stands in the page as a word.
told() { for name in "$@"; do grep -qw -- "$name" "$page" || { echo "not told: $name"; return 1; }; done; }

@test "every host function, kind, status, field and public macro of plugin.h is told" {
  header=$include/flame/plugin.h
  host=$(sed -n '/^struct flame_host {/,/^};/p' "$header" | grep -o '(\*[a-z_0-9]*)' | tr -d '(*)')
  [ "$(wc -w <<<"$host")" -ge 20 ]
  told $host
  told $(grep -oE 'FLAME_(NULL|BOOL|I64|U64|F64|STRING|BYTES|JSON|ARRAY|RECORD|[IUF]64_ARRAY|LOG_[A-Z]+|OK|CANCELLED|MISUSE|BROKEN) =' "$header" | tr -d ' =')
  for table in flame_function flame_plugin; do
    told $(sed -n "/^struct $table {/,/^};/p" "$header" | sed 's|/\*.*||' | grep -oE '[a-z_]+(\)\([^;]*\))?;' | grep -oE '^[a-z_]+')
  done
  told FLAME_PLUGIN_C FLAME_MANIFEST_SECTION FLAME_ABI FLAME_ABI_NEEDED
}

@test "everything public of the C++ layer is told" {
  told FLAME_PLUGIN FLAME_RECORD function context input output bytes bytes_view json span error
  told $(sed -n '/^class context {/,/^ private:/p' "$include/flame/plugin/context.hpp" | grep -oE '[a-z_]+\([^)]*\) const' | grep -oE '^[a-z_]+')
  told doc idempotent guest
}

@test "the examples compile and run" {
  awk '/^```$/ { inside = !inside; if (inside) ++n; next } inside { print > ("block" n) }' "$page"
  mv "$(grep -l 'plugin\.h>' block*)" example.c; mv "$(grep -l 'plugin\.hpp>' block*)" example.cpp
  gcc -O2 -Wall -Wextra -Werror -fPIC -shared -I"$include" example.c -o c.so
  g++ -std=c++17 -O2 -Wall -Wextra -Wpedantic -Werror -fPIC -shared -I"$include" example.cpp -o cpp.so
  expect 0 flame run ./c.so add 1 2; same "$out" 3
  expect 0 flame run ./cpp.so middle '[{"x":1,"y":2},{"x":3}]'; same "$out" '{"x":2,"y":1}'
  expect 3 flame run ./cpp.so middle '[]'; holds "$err" "no points"
  same "$(echo abc | flame run ./cpp.so upper)" ABC
}

@test "the README's plugins compile and run" {
  awk '/^```/ { inside = !inside; if (inside) ++n; next } inside { print > ("block" n) }' "$BATS_TEST_DIRNAME/../../README.md"
  mv "$(grep -l 'plugin\.h>' block*)" example.c; mv "$(grep -l 'plugin\.hpp>' block*)" example.cpp
  gcc -O2 -Wall -Wextra -Werror -fPIC -shared -I"$include" example.c -o c.so
  g++ -O2 -Wall -Wextra -Werror -fPIC -shared -I"$include" example.cpp -o cpp.so
  for so in c.so cpp.so; do expect 0 flame run ./$so add 100 20; same "$out" 120; done
}

@test "the table of types is the grammar's" {
  told $(sed -n '/kNames = {/,/};/p' "$BATS_TEST_DIRNAME/../../wire/signature.cpp" | grep -oE '"[a-z0-9]+"' | tr -d '"')
}
