// The keys of [pool.NAME], in one table.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "client/config/toml_file.hpp"
#include "client/pool/settings.hpp"

namespace flame::client {

struct PoolKey {
  enum class Kind : unsigned char { text, sandbox, number, duration, amount, words, engine };
  const char* name;
  Kind kind;
  std::string PoolSettings::*text = nullptr;
  std::uint64_t PoolSettings::*number = nullptr;
  std::vector<std::string> PoolSettings::*words = nullptr;
  double PoolSettings::*amount = nullptr;
};

std::span<const PoolKey> pool_keys();
const PoolKey* find_pool_key(std::string_view name);
// Sets it. Throws Error(config) whose message says what the key wants and what was given.
void set_pool_key(PoolSettings& pool, const PoolKey& key, const TomlValue& value);
// As one would write it in flame.toml.
std::string show_pool_key(const PoolSettings& pool, const PoolKey& key);
// "5m", "250ms": what parse_duration_ms reads back.
std::string duration_text(std::uint64_t ms);

}  // namespace flame::client
