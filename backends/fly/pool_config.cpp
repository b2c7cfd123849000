#include "backends/fly/pool_config.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdlib>

#include "backends/fly/machine.hpp"
#include "base/error.hpp"
#include "base/process.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;
constexpr std::uint64_t kDrainMaxS = 300;  // Fly's own limit of a stop's timeout

Error wants(const char* key, const std::string& what) {
  return Error(ErrorKind::config, std::string(key) + " wants " + what, "see flame-backend-fly(7)");
}

std::string text(const Request& request, const char* key, std::string otherwise) {
  const auto* value = request.settings.if_contains(key);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) throw wants(key, "a text");
  return json::value_to<std::string>(*value);
}

// One text, or a list of them.
std::vector<std::string> texts(const Request& request, const char* key) {
  const auto* value = request.settings.if_contains(key);
  if (value == nullptr) return {};
  if (value->is_string()) return {json::value_to<std::string>(*value)};
  std::vector<std::string> out;
  if (!value->is_array()) throw wants(key, "a list of texts");
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) throw wants(key, "a list of texts");
    out.push_back(json::value_to<std::string>(item));
  }
  return out;
}

std::uint64_t number(const Request& request, const char* key, std::uint64_t otherwise, std::uint64_t most) {
  const auto* value = request.settings.if_contains(key);
  if (value == nullptr) return otherwise;
  boost::system::error_code why;
  const auto out = value->to_number<std::uint64_t>(why);
  if (why || out == 0 || out > most) throw wants(key, "a number from 1 to " + std::to_string(most));
  return out;
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string out;
  for (const auto& part : parts) out += (out.empty() ? "" : between) + part;
  return out;
}

// Who booted it, for people who find it: nothing is decided by it.
std::string owner() {
  const char* user = std::getenv("USER");
  return printable((user != nullptr ? std::string(user) : std::to_string(::geteuid())) + "@" + host_name());
}

json::array runner_arguments(const Request& request, const PoolConfig& config) {
  json::array out = {config.runner};
  const auto option = [&](const char* name, const std::string& value) {
    out.emplace_back(name);
    out.emplace_back(value);
  };
  option("--listen", config.listen + ":" + std::to_string(config.port));
  option("--token-file", kTokenPath);
  option("--name", request.name);
  option("--generation", request.generation);
  for (const auto& [name, key] : {std::pair{"--slots", "slots"},
                                  {"--idle-timeout-ms", "idle_timeout_ms"},
                                  {"--max-lifetime-ms", "max_lifetime_ms"}})
    option(name, std::to_string(request.number_setting(key)));
  if (request.settings.contains("link_grace_ms"))
    option("--link-grace-ms", std::to_string(request.number_setting("link_grace_ms")));
  option("--drain-timeout-ms", std::to_string(config.drain_timeout_s * 1000));
  option("--sandbox", request.text_setting("sandbox"));
  for (const auto& directory : texts(request, "plugin_dirs")) option("--plugin-dir", directory);
  return out;
}

bool is_of_this_computer(const std::string& url) {
  return url.starts_with("http://127.") || url.starts_with("http://[::1]");
}

void read_reach(const Request& request, PoolConfig& out) {
  const std::string connect = text(request, "connect", "6pn");
  if (connect != "6pn" && connect != "proxy") throw wants("connect", "\"6pn\" or \"proxy\"");
  out.proxy = connect == "proxy";
  out.listen = text(request, "listen", out.proxy ? "0.0.0.0" : out.listen);
  out.proxy_port = number(request, "proxy_port", out.port, 65535);
  out.proxy_url = text(request, "proxy_url", "");
  while (out.proxy_url.ends_with("/")) out.proxy_url.pop_back();
  // Arguments and results would cross the internet for all to read.
  if (!out.proxy_url.empty() && !out.proxy_url.starts_with("https://") && !is_of_this_computer(out.proxy_url))
    throw wants("proxy_url", "https://HOST:PORT");
}

// Never started or stopped by the proxy: runners leave by themselves, and flame starts them.
json::array services(const PoolConfig& config) {
  json::array handlers = {"tls", "http"};
  if (is_of_this_computer(config.proxy_url)) handlers = {"http"};
  constexpr int kQuietSeconds = 3600;  // of a link on which a long call says nothing
  return {{{"protocol", "tcp"},
           {"internal_port", config.port},
           {"autostart", false},
           {"autostop", "off"},
           {"ports",
            {{{"port", config.proxy_port},
              {"handlers", std::move(handlers)},
              {"http_options", {{"idle_timeout", kQuietSeconds}}}}}}}};
}

}  // namespace

PoolConfig read_pool_config(const Request& request) {
  PoolConfig out;
  out.image = text(request, "image", "");
  out.regions = texts(request, "regions");
  for (const auto& region : out.regions)
    if (region.empty() || region.find_first_not_of("abcdefghijklmnopqrstuvwxyz") != region.npos)
      throw wants("regions", "codes such as \"iad\", got '" + printable(region) + "'");
  out.guests.push_back(parse_guest(request.guest));
  for (const auto& guest : texts(request, "fallback_guests")) out.guests.push_back(parse_guest(guest));
  out.runner = text(request, "runner", out.runner);
  if (!out.runner.starts_with("/")) throw wants("runner", "an absolute path in the image");
  out.port = number(request, "port", out.port, 65535);
  read_reach(request, out);
  const std::string when_idle = text(request, "when_idle", "destroy");
  if (when_idle != "destroy" && when_idle != "stop") throw wants("when_idle", "\"destroy\" or \"stop\"");
  out.keep_stopped = when_idle == "stop";
  out.drain_timeout_s = number(request, "drain_timeout_s", out.drain_timeout_s, kDrainMaxS);
  out.machine_env = texts(request, "machine_env");
  return out;
}

json::value create_body(const Request& request, const PoolConfig& config, const Guest& guest,
                        const std::string& image, const std::string& token) {
  json::object env;
  for (const auto& name : config.machine_env)
    if (const char* value = std::getenv(name.c_str())) env[name] = value;
  json::object machine = {
      {"image", image},
      {"guest", {{"cpu_kind", guest.kind}, {"cpus", guest.cpus}, {"memory_mb", guest.memory_mb}}},
      {"init", {{"exec", runner_arguments(request, config)}}},
      {"env", std::move(env)},
      {"files", {{{"guest_path", kTokenPath}, {"raw_value", base64(token)}}}},
      // One run is one run: a runner that dies is not started again behind our back.
      {"restart", {{"policy", "no"}}},
      {"auto_destroy", !config.keep_stopped},
      {"stop_config", {{"signal", "SIGTERM"}, {"timeout", std::to_string(config.drain_timeout_s) + "s"}}},
      {"metadata",
       {{kPoolKey, request.pool},
        {kGenerationKey, request.generation},
        {kOwnerKey, owner()},
        {kVersionKey, FLAME_VERSION},
        {kPortKey, std::to_string(config.port)}}}};
  if (config.proxy) machine["services"] = services(config);
  json::object body = {{"name", request.name}, {"config", std::move(machine)}};
  if (!config.regions.empty()) body["region"] = joined(config.regions, ",");
  return body;
}

}  // namespace flame::backend::fly
