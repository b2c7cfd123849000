// What is in force: flag > environment > the nearest flame.toml upward > the user's > default.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/pool/settings.hpp"

namespace flame::client {

struct Config {
  PoolSettings pool;
  std::vector<std::string> files;  // that were read, the stronger first
  std::map<std::string, std::string>
      origins;  // key → "flag", "FLAME_BACKEND", "/x/flame.toml:3"; not there: default
};

// flame.toml in the working directory or the nearest above it, then the user's.
std::vector<std::string> config_files();

// The settings of the pool that is chosen by --pool, FLAME_POOL, or "default". Throws Error(config).
Config load_config(const std::optional<std::string>& pool_flag);

// "default" and those that the files define, each once. Throws Error(config).
std::vector<std::string> pool_names();

// "flame.toml" is read as this: for tests and fuzzing. Sets what it says of this pool; gives the names of all
// pools that it defines.
std::vector<std::string> apply_config_text(std::string_view text, const std::string& file, Config& config);

// What to tell somebody who seems to expect another engine: a fly.toml or FLY_* alone never spends money.
// Empty when there is no reason.
std::string engine_advice(const Config& config);

}  // namespace flame::client
