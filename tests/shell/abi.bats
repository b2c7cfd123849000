#!/usr/bin/env bats
# Plugins of other revisions: longer tables load, a newer ABI is refused with both numbers, a manifest that lies is found out.
load common
setup() { common_setup; }
teardown() { common_teardown; }

@test "a table and rows that are longer than ours load; what lies beyond is not touched" {
  expect 0 flame run "$plugins/abi_longer.so" first; same "$out" 1
  expect 0 flame run "$plugins/abi_longer.so" second; same "$out" 2
  expect 0 flame run "$plugins/abi_longer.so" host_size; same "$out" true
  expect 0 flame run "$plugins/abi_longer.so" was_called; same "$out" '"init"'
}

@test "an extension that the host does not have is NULL" {
  expect 0 flame run "$plugins/abi_longer.so" knows flame.nothing/1; same "$out" false
  expect 0 flame run "$plugins/abi_longer.so" knows ""; same "$out" false
  expect 0 flame run "$plugins/types.so" knows flame.nothing/1; same "$out" false
}

@test "a newer ABI: both numbers, from the runner without a manifest, before it with one" {
  expect 126 flame run "$plugins/abi_newer.so" first; same "$out" ""
  holds "$err" "needs ABI 999"; holds "$err" "speaks ABI 1"
  flame pool destroy --yes
  expect 126 flame run "$plugins/abi_newer_manifest.so" first; same "$out" ""
  holds "$err" "needs ABI 999"; holds "$err" "ABI 1"
  same "$(ours)" ""
}

@test "a manifest that says something else than the table: the difference is named" {
  expect 126 flame run "$plugins/abi_lies.so" second; same "$out" ""
  holds "$err" "the manifest says the signature of 'second' '() -> f64', the table '() -> i64'"
  expect 126 flame run "$plugins/abi_lies.so" first
}
