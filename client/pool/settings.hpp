// What a pool is: the defaults stand here and nowhere else (man/flame.toml.5 states them, a test compares).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "wire/limits.hpp"

namespace flame::client {

struct PoolSettings {
  std::string name = "default";
  std::string backend = "local";
  std::uint64_t min = 0;
  std::uint64_t max = 1;
  std::uint64_t surge = 1;               // more than max while a new generation takes over
  std::string guest;                     // empty: the engine's own default
  std::uint64_t slots = 0;               // 0: one per CPU
  std::uint64_t spares = 0;              // ready runners with nothing to do
  std::uint64_t target_response_ms = 0;  // 0: a boot is worth waiting for
  double max_cost_per_hour = 0;          // US dollars, of all runners together; 0: no limit
  std::vector<std::string> oom_ladder;   // guests for a call that died of memory, the next greater first
  std::uint64_t idle_timeout_ms = 300'000;
  std::uint64_t max_lifetime_ms = 0;  // 0: no limit
  std::uint64_t boot_timeout_ms = 60'000;
  std::uint64_t link_grace_ms = wire::kLinkGraceMs;  // for a lost TCP link to be made again; 0: none
  std::string sandbox = "default";
  std::vector<std::string> plugin_dirs;
  std::vector<std::string> env;  // names that every call gets from the caller's environment
  std::string engine_settings;  // members of a JSON object for the backend alone: image, regions, connect …

  friend bool operator==(const PoolSettings&, const PoolSettings&) = default;
};

}  // namespace flame::client
