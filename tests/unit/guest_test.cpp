#include "client/pool/guest.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace flame;
using namespace flame::client;

TEST_CASE("a guest fits in one that is as large in every respect") {
  CHECK(guest_fits("shared-cpu-2x", "shared-cpu-2x"));
  CHECK(guest_fits("shared-2x", "shared-cpu-4x"));
  CHECK(guest_fits("shared-cpu-2x", "performance-2x"));
  CHECK(guest_fits("shared-cpu-1x", ""));
  CHECK(guest_fits("performance-2x:8GB", "performance-4x"));
  CHECK_FALSE(guest_fits("performance-1x", "shared-cpu-8x"));
  CHECK_FALSE(guest_fits("shared-cpu-2x", "shared-cpu-1x"));
  CHECK_FALSE(guest_fits("shared-cpu-2x", ""));
  CHECK_FALSE(guest_fits("performance-2x:16GB", "performance-4x"));
  CHECK_FALSE(guest_fits("shared-cpu-1x:512", "shared-cpu-1x"));
}

TEST_CASE("a guest that is named in no known way fits only itself") {
  CHECK(guest_fits("a100-40gb", "a100-40gb"));
  for (const char* odd : {"a100-40gb", "shared-cpu-", "performance-x", "performance-2",
                          "shared-cpu-2x:", "performance-2x:lots", ""})
    CHECK_FALSE(guest_fits(odd, "performance-16x"));
}

TEST_CASE("the flag, else the function's wish where the pool's own is too small, else the pool's own") {
  PoolSettings pool;
  pool.backend = "fly";
  pool.guest = "shared-cpu-2x";
  const auto chosen = [&](const char* flag, const char* wish) {
    const PoolSettings out = pool_for_guest(pool, flag, wish);
    return out.name + " " + out.guest;
  };
  CHECK(chosen("", "") == "default shared-cpu-2x");
  CHECK(chosen("", "shared-cpu-1x") == "default shared-cpu-2x");
  CHECK(chosen("", "performance-4x") == "default-performance-4x performance-4x");
  CHECK(chosen("shared-cpu-1x", "performance-4x") == "default-shared-cpu-1x shared-cpu-1x");
  CHECK(chosen("shared-cpu-2x", "performance-4x") == "default shared-cpu-2x");
  CHECK(chosen("performance-2x:8GB", "") == "default-performance-2x-8gb performance-2x:8GB");
  // From one to another, and with long names.
  CHECK(rung_of(pool_for_guest(pool, "performance-4x", ""), "performance-8x").name ==
        "default-performance-8x");
  pool.name = "a-pool-with-a-long-name";
  CHECK(rung_of(pool, "performance-16x:64GB").name.size() == 32);
}

TEST_CASE("the guest in the name of a pool") {
  CHECK(guest_in_name("performance-2x") == "performance-2x");
  CHECK(guest_in_name("performance-2x-8gb") == "performance-2x:8GB");
  for (const char* none :
       {"", "big", "shared", "performance-", "performance-2x-", "-", "performance-2x-lots"})
    CHECK(guest_in_name(none).empty());
}

TEST_CASE("this computer has one size") {
  PoolSettings pool;
  CHECK(pool_for_guest(pool, "", "performance-16x") == pool);
  CHECK_THROWS_AS((void)pool_for_guest(pool, "performance-1x", ""), Error);
}
