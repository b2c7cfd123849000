// The words behind `flame pool`.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "client/pool/settings.hpp"

namespace flame::cli {

struct PoolOptions {
  std::optional<std::string> pool, generation;
  std::optional<std::uint64_t> size, lines, spares;
  std::string guest;  // empty: the pool's own
  Deadline deadline;
  std::string listen;  // keep
  std::string keep;    // warm: "started", "stopped" or "suspended"
  bool json = false, once = false, yes = false, dry_run = false, wait = false, help = false;
  std::string verb, name;
};

PoolOptions parse_pool_options(int argc, char** argv);           // throws Error(usage)
client::PoolSettings pool_settings(const PoolOptions& options);  // of the pool that is meant

}  // namespace flame::cli
