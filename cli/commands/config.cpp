#include "client/config/config.hpp"

#include <boost/json.hpp>

#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"
#include "client/config/pool_keys.hpp"

namespace flame::cli {
namespace {

enum Id { pool_name, show_origin, as_json, help };

constexpr OptionSpec kOptions[] = {
    {pool_name, "pool", 0, "NAME", "the pool whose settings to print"},
    {show_origin, "show-origin", 0, nullptr, "where each comes from: flag, environment, file:line"},
    {as_json, "json", 0, nullptr, "one object: each key with its value and origin"},
    {help, "help", 'h', nullptr, "this text"},
};

std::string origin_of(const client::Config& config, const std::string& key) {
  const auto at = config.origins.find(key);
  return at != config.origins.end() ? at->second : "default";
}

std::string as_toml(const client::Config& config, bool origins) {
  std::string out = "[pool." + config.pool.name + "]";
  if (origins) out += "  # " + origin_of(config, "pool");
  out += "\n";
  for (const client::PoolKey& key : client::pool_keys()) {
    const std::string value = client::show_pool_key(config.pool, key);
    if (value.empty()) continue;  // an engine's own key that nobody has set
    std::string line = std::string(key.name) + " = " + value;
    if (origins) line.resize(std::max<std::size_t>(line.size() + 2, 32), ' ');
    out += line + (origins ? "# " + origin_of(config, key.name) : "") + "\n";
  }
  return out;
}

std::string as_json_text(const client::Config& config) {
  namespace json = boost::json;
  json::object out = {{"pool", {{"value", config.pool.name}, {"origin", origin_of(config, "pool")}}}};
  for (const client::PoolKey& key : client::pool_keys()) {
    const std::string value = client::show_pool_key(config.pool, key);
    if (!value.empty())
      out[key.name] = {{"value", json::parse(value)}, {"origin", origin_of(config, key.name)}};
  }
  return json::serialize(out) + "\n";
}

}  // namespace

const CommandSpec kConfigSpec = {
    "config",
    "the settings that are in force",
    "[OPTIONS]",
    kOptions,
    {},
    "A flag wins over the environment, that over the nearest flame.toml upward, that\n"
    "over $XDG_CONFIG_HOME/flame/flame.toml, that over the default.",
    "flame config --show-origin"};

int config_command(int argc, char** argv) {
  std::optional<std::string> pool;
  bool origins = false, json = false;
  OptionReader reader(kConfigSpec, argc, argv);
  while (const OptionSpec* option = reader.next()) {
    if (option->id == help) return print_help(help_text(kConfigSpec).c_str());
    if (option->id == pool_name) pool = reader.value();
    origins = origins || option->id == show_origin;
    json = json || option->id == as_json;
  }
  if (const char* word = reader.operand())
    throw usage_error(kConfigSpec, std::string("one word too many: '") + word + "'");
  const client::Config config = client::load_config(pool);
  print(json ? as_json_text(config) : as_toml(config, origins));
  return 0;
}

}  // namespace flame::cli
