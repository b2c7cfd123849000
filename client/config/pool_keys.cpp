#include "client/config/pool_keys.hpp"

#include <array>
#include <boost/json.hpp>
#include <cstdio>
#include <optional>

#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using Kind = PoolKey::Kind;

// Those of kind engine go to the backend as they are: what they mean is its business.
constexpr std::array<PoolKey, 33> kKeys = {{
    {.name = "backend", .kind = Kind::text, .text = &PoolSettings::backend},
    {.name = "min", .kind = Kind::number, .number = &PoolSettings::min},
    {.name = "max", .kind = Kind::number, .number = &PoolSettings::max},
    {.name = "surge", .kind = Kind::number, .number = &PoolSettings::surge},
    {.name = "guest", .kind = Kind::text, .text = &PoolSettings::guest},
    {.name = "slots", .kind = Kind::number, .number = &PoolSettings::slots},
    {.name = "spares", .kind = Kind::number, .number = &PoolSettings::spares},
    {.name = "target_response", .kind = Kind::duration, .number = &PoolSettings::target_response_ms},
    {.name = "max_cost_per_hour", .kind = Kind::amount, .amount = &PoolSettings::max_cost_per_hour},
    {.name = "oom_ladder", .kind = Kind::words, .words = &PoolSettings::oom_ladder},
    {.name = "idle_timeout", .kind = Kind::duration, .number = &PoolSettings::idle_timeout_ms},
    {.name = "max_lifetime", .kind = Kind::duration, .number = &PoolSettings::max_lifetime_ms},
    {.name = "boot_timeout", .kind = Kind::duration, .number = &PoolSettings::boot_timeout_ms},
    {.name = "link_grace", .kind = Kind::duration, .number = &PoolSettings::link_grace_ms},
    {.name = "sandbox", .kind = Kind::sandbox, .text = &PoolSettings::sandbox},
    {.name = "plugin_dirs", .kind = Kind::words, .words = &PoolSettings::plugin_dirs},
    {.name = "env", .kind = Kind::words, .words = &PoolSettings::env},
    {.name = "app", .kind = Kind::engine},
    {.name = "image", .kind = Kind::engine},
    {.name = "regions", .kind = Kind::engine},
    {.name = "fallback_guests", .kind = Kind::engine},
    {.name = "runner", .kind = Kind::engine},
    {.name = "port", .kind = Kind::engine},
    {.name = "when_idle", .kind = Kind::engine},
    {.name = "drain_timeout_s", .kind = Kind::engine},
    {.name = "machine_env", .kind = Kind::engine},
    {.name = "connect", .kind = Kind::engine},
    {.name = "listen", .kind = Kind::engine},
    {.name = "proxy_port", .kind = Kind::engine},
    {.name = "proxy_url", .kind = Kind::engine},
    {.name = "hosts", .kind = Kind::engine},
    {.name = "partition", .kind = Kind::engine},
    {.name = "mounts", .kind = Kind::engine},
}};

Error wants(const PoolKey& key, const char* what, const TomlValue& value) {
  return Error(ErrorKind::config, std::string(key.name) + " wants " + what + ", got " + value.json);
}

std::optional<std::uint64_t> duration_of(const TomlValue& value) {
  if (value.kind == TomlValue::Kind::text) return parse_duration_ms(value.text);
  if (value.kind == TomlValue::Kind::number && value.number >= 0) return parse_duration_ms(value.text);
  return std::nullopt;
}

std::optional<double> amount_of(const TomlValue& value) {
  boost::system::error_code why;
  const json::value parsed = json::parse(value.json, why);
  if (why || !parsed.is_number() || parsed.to_number<double>() < 0) return std::nullopt;
  return parsed.to_number<double>();
}

std::string amount_text(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.12g", value);
  return text.data();
}

bool sandbox_is_known(const std::string& word) {
  return word == "off" || word == "default" || word == "strict";
}

void set_engine_key(PoolSettings& pool, const PoolKey& key, const TomlValue& value) {
  json::object all;
  if (!pool.engine_settings.empty()) all = json::parse(pool.engine_settings).as_object();
  all[key.name] = json::parse(value.json);
  pool.engine_settings = json::serialize(all);
}

std::string quoted(const std::string& text) { return json::serialize(json::string(text)); }

}  // namespace

std::span<const PoolKey> pool_keys() { return kKeys; }

const PoolKey* find_pool_key(std::string_view name) {
  for (const PoolKey& key : kKeys)
    if (name == key.name) return &key;
  return nullptr;
}

void set_pool_key(PoolSettings& pool, const PoolKey& key, const TomlValue& value) {
  switch (key.kind) {
    case Kind::sandbox:
      if (value.kind != TomlValue::Kind::text || !sandbox_is_known(value.text))
        throw wants(key, "\"off\", \"default\" or \"strict\"", value);
      pool.*key.text = value.text;
      return;
    case Kind::text:
      if (value.kind != TomlValue::Kind::text) throw wants(key, "a string", value);
      pool.*key.text = value.text;
      return;
    case Kind::number:
      if (value.kind != TomlValue::Kind::number || value.number < 0)
        throw wants(key, "a number from 0", value);
      pool.*key.number = static_cast<std::uint64_t>(value.number);
      return;
    case Kind::duration: {
      const auto ms = duration_of(value);
      if (!ms) throw wants(key, "a duration such as \"250ms\", \"30s\" or \"5m\"", value);
      pool.*key.number = *ms;
      return;
    }
    case Kind::amount: {
      const auto amount = amount_of(value);
      if (!amount) throw wants(key, "an amount such as 0.5", value);
      pool.*key.amount = *amount;
      return;
    }
    case Kind::words:
      if (value.kind != TomlValue::Kind::words) throw wants(key, "an array of strings", value);
      pool.*key.words = value.words;
      return;
    case Kind::engine:
      return set_engine_key(pool, key, value);
  }
}

std::string duration_text(std::uint64_t ms) {
  if (ms != 0 && ms % 60'000 == 0) return std::to_string(ms / 60'000) + "m";
  if (ms % 1000 == 0) return std::to_string(ms / 1000) + "s";
  return std::to_string(ms) + "ms";
}

std::string show_pool_key(const PoolSettings& pool, const PoolKey& key) {
  switch (key.kind) {
    case Kind::text:
    case Kind::sandbox:
      return quoted(pool.*key.text);
    case Kind::number:
      return std::to_string(pool.*key.number);
    case Kind::duration:
      return quoted(duration_text(pool.*key.number));
    case Kind::amount:
      return amount_text(pool.*key.amount);
    case Kind::words: {
      std::string out;
      for (const auto& word : pool.*key.words) out += (out.empty() ? "" : ", ") + quoted(word);
      return "[" + out + "]";
    }
    case Kind::engine: {
      if (pool.engine_settings.empty()) return "";
      const json::value all = json::parse(pool.engine_settings);
      const auto* value = all.as_object().if_contains(key.name);
      return value != nullptr ? json::serialize(*value) : "";
    }
  }
  return "";
}

}  // namespace flame::client
