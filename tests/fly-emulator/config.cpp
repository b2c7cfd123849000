#include "config.hpp"

#include <algorithm>
#include <array>
#include <csignal>

#include "errors.hpp"
#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

std::string_view kind_word(const json::value& value) {
  switch (value.kind()) {
    case json::kind::object:
      return "object";
    case json::kind::array:
      return "array";
    case json::kind::string:
      return "string";
    case json::kind::bool_:
      return "bool";
    case json::kind::null:
      return "null";
    default:
      return "number";
  }
}

void want(const json::object& object, std::string_view name, json::kind kind, std::string_view type) {
  const auto* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return;
  const bool number = kind == json::kind::int64 && value->is_number();
  if (value->kind() != kind && !number) throw wrong_type(kind_word(*value), type);
}

void want_strings(const json::object& object, std::string_view name) {
  want(object, name, json::kind::array, "[]string");
  if (const auto* list = object.if_contains(name); list != nullptr && list->is_array())
    for (const auto& word : list->get_array())
      if (!word.is_string()) throw wrong_type(kind_word(word), "string");
}

void want_string_map(const json::object& object, std::string_view name) {
  want(object, name, json::kind::object, "map[string]string");
  if (const auto* map = member(object, name); map != nullptr)
    for (const auto& [key, value] : *map)
      if (!value.is_string()) throw wrong_type(kind_word(value), "string");
}

void normalise_duration(json::object& object, std::string_view name) {
  if (auto* value = object.if_contains(name); value != nullptr && !value->is_null())
    *value = go_duration(duration_ms(*value, name));
}

void check_guest(json::object& config, unsigned bad_guest_status) {
  const std::string size = text(config, "size");
  if (!size.empty() && config.contains("guest"))
    throw bad_request("config.size and config.guest exclude each other");
  Guest guest;
  if (!size.empty()) {
    const auto preset = guest_preset(size);
    if (!preset) throw bad_request("invalid config.size, no preset is called " + size);
    guest = *preset;
    config.erase("size");
  }
  want(config, "guest", json::kind::object, "fly.MachineGuest");
  json::object& wanted = config.emplace("guest", json::object{}).first->value().is_null()
                             ? config["guest"].emplace_object()
                             : config["guest"].as_object();
  want(wanted, "cpu_kind", json::kind::string, "string");
  want(wanted, "cpus", json::kind::int64, "int");
  want(wanted, "memory_mb", json::kind::int64, "int");
  guest.cpu_kind = text(wanted, "cpu_kind", guest.cpu_kind);
  const auto number = [&](std::string_view name, std::int64_t otherwise) {
    const auto* value = wanted.if_contains(name);
    return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
  };
  guest.cpus = number("cpus", guest.cpus);
  const bool has_memory = wanted.contains("memory_mb");
  if (!has_memory && size.empty())
    guest.memory_mb =
        std::clamp<std::int64_t>(guest.cpus, 1, 1024) * (guest.cpu_kind == "performance" ? 2048 : 256);
  guest.memory_mb = number("memory_mb", guest.memory_mb);
  const std::string fault = guest_fault(guest);
  if (!fault.empty()) throw api_error(bad_guest_status, fault);
  wanted["cpu_kind"] = guest.cpu_kind;
  wanted["cpus"] = guest.cpus;
  wanted["memory_mb"] = guest.memory_mb;
}

void check_init(json::object& config) {
  want(config, "init", json::kind::object, "fly.MachineInit");
  const auto* init = member(config, "init");
  if (init == nullptr) return;
  for (const char* name : {"exec", "entrypoint", "cmd", "kernel_args"}) want_strings(*init, name);
  want(*init, "swap_size_mb", json::kind::int64, "int");
}

void check_restart(const json::object& config) {
  want(config, "restart", json::kind::object, "fly.MachineRestart");
  const RestartRule rule = restart_of(config);
  if (rule.policy != "no" && rule.policy != "always" && rule.policy != "on-failure" &&
      rule.policy != "spot-price")
    throw bad_request("invalid config.restart.policy, must be one of [no on-failure always spot-price]");
}

void check_services(json::object& config) {
  want(config, "services", json::kind::array, "[]fly.MachineService");
  auto* services = config.if_contains("services");
  if (services == nullptr || !services->is_array()) return;
  for (auto& entry : services->get_array()) {
    if (!entry.is_object()) throw wrong_type(kind_word(entry), "fly.MachineService");
    json::object& service = entry.get_object();
    want(service, "internal_port", json::kind::int64, "int");
    want(service, "autostart", json::kind::bool_, "bool");
    auto* autostop = service.if_contains("autostop");
    if (autostop == nullptr || autostop->is_null() || autostop->is_bool()) continue;
    if (!autostop->is_string()) throw wrong_type(kind_word(*autostop), "fly.MachineAutostop");
    const std::string word(autostop->get_string());
    if (word == "off")
      *autostop = false;
    else if (word == "stop")
      *autostop = true;
    else if (word != "suspend")
      throw bad_request("invalid config.services.autostop, must be one of [off stop suspend]");
  }
}

void check_files(const json::object& config) {
  want(config, "files", json::kind::array, "[]fly.File");
  const auto* files = config.if_contains("files");
  if (files == nullptr || !files->is_array()) return;
  for (const auto& entry : files->get_array()) {
    if (!entry.is_object()) throw wrong_type(kind_word(entry), "fly.File");
    const auto& file = entry.get_object();
    if (!text(file, "guest_path").starts_with('/'))
      throw bad_request("invalid config.files.guest_path, must be absolute");
    const auto sources = std::count_if(file.begin(), file.end(), [](const auto& field) {
      return field.key() == "raw_value" || field.key() == "secret_name" || field.key() == "image_config";
    });
    if (sources != 1)
      throw bad_request("invalid config.files, one of raw_value, secret_name, image_config is required");
  }
}

void check_checks(json::object& config) {
  want(config, "checks", json::kind::object, "map[string]fly.MachineCheck");
  auto* checks = config.if_contains("checks");
  if (checks == nullptr || !checks->is_object()) return;
  for (auto& [name, check] : checks->get_object()) {
    if (!check.is_object()) throw wrong_type(kind_word(check), "fly.MachineCheck");
    for (const char* field : {"interval", "timeout", "grace_period"})
      normalise_duration(check.get_object(), field);
  }
}

void check_stop(json::object& config) {
  want(config, "stop_config", json::kind::object, "fly.StopConfig");
  auto* stop = config.if_contains("stop_config");
  if (stop == nullptr || !stop->is_object()) return;
  normalise_duration(stop->get_object(), "timeout");
  const auto* signal = stop->get_object().if_contains("signal");
  if (signal != nullptr && !signal->is_null() && signal_number(*signal) == 0)
    throw bad_request("invalid config.stop_config.signal");
}

}  // namespace

json::object checked_config(const json::value& value, unsigned bad_guest_status) {
  if (!value.is_object()) throw wrong_type(kind_word(value), "fly.MachineConfig");
  json::object config = value.get_object();
  for (const char* name : {"image", "size", "schedule"}) want(config, name, json::kind::string, "string");
  for (const char* name : {"env", "metadata"}) want_string_map(config, name);
  want(config, "auto_destroy", json::kind::bool_, "bool");
  want(config, "containers", json::kind::array, "[]fly.ContainerConfig");
  const auto* containers = config.if_contains("containers");
  if (text(config, "image").empty() &&
      (containers == nullptr || !containers->is_array() || containers->get_array().empty()))
    throw bad_request("invalid_argument: config.image is required");
  check_guest(config, bad_guest_status);
  check_init(config);
  check_restart(config);
  check_services(config);
  check_files(config);
  check_checks(config);
  check_stop(config);
  return config;
}

bool flag(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_bool() && value->get_bool();
}

std::string text(const json::object& object, std::string_view name, std::string_view otherwise) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string(otherwise);
}

const json::object* member(const json::object& object, std::string_view name) {
  const auto* value = object.if_contains(name);
  return value == nullptr ? nullptr : value->if_object();
}

Guest guest_of(const json::object& config) {
  const auto& guest = config.at("guest").as_object();
  return {text(guest, "cpu_kind"), guest.at("cpus").as_int64(), guest.at("memory_mb").as_int64()};
}

std::vector<std::string> command_of(const json::object& config) {
  std::vector<std::string> out;
  const auto* init = member(config, "init");
  if (init == nullptr) return out;
  const auto append = [&](std::string_view name) {
    if (const auto* list = init->if_contains(name); list != nullptr && list->is_array())
      for (const auto& word : list->get_array()) out.emplace_back(word.as_string());
  };
  append("exec");
  if (!out.empty()) return out;
  append("entrypoint");
  append("cmd");
  return out;
}

RestartRule restart_of(const json::object& config) {
  RestartRule rule;
  const auto* restart = member(config, "restart");
  if (restart == nullptr) return rule;
  rule.policy = text(*restart, "policy", rule.policy);
  const auto* retries = restart->if_contains("max_retries");
  if (retries != nullptr && retries->is_int64() && retries->get_int64() > 0)
    rule.max_retries = retries->get_int64();
  return rule;
}

StopRule stop_of(const json::object& config) {
  StopRule rule{SIGINT, 5000};
  const auto* stop = member(config, "stop_config");
  if (stop == nullptr) return rule;
  if (const auto* signal = stop->if_contains("signal"); signal != nullptr && signal_number(*signal) != 0)
    rule.signal = signal_number(*signal);
  if (const auto* timeout = stop->if_contains("timeout"); timeout != nullptr && !timeout->is_null())
    rule.timeout_ms = std::min<std::int64_t>(duration_ms(*timeout, "timeout"), 300'000);
  return rule;
}

std::int64_t duration_ms(const json::value& value, std::string_view field) {
  if (value.is_int64() && value.get_int64() >= 0) return value.get_int64() / 1'000'000;
  if (value.is_string())
    if (const auto ms = parse_go_duration_ms(value.get_string())) return *ms;
  throw bad_request("invalid duration in " + std::string(field) + ": " + json::serialize(value));
}

namespace {
struct SignalName {
  std::string_view name;
  int number;
};
constexpr std::array<SignalName, 14> kSignals = {{{"SIGABRT", SIGABRT},
                                                  {"SIGALRM", SIGALRM},
                                                  {"SIGFPE", SIGFPE},
                                                  {"SIGHUP", SIGHUP},
                                                  {"SIGILL", SIGILL},
                                                  {"SIGINT", SIGINT},
                                                  {"SIGKILL", SIGKILL},
                                                  {"SIGPIPE", SIGPIPE},
                                                  {"SIGQUIT", SIGQUIT},
                                                  {"SIGSEGV", SIGSEGV},
                                                  {"SIGTERM", SIGTERM},
                                                  {"SIGTRAP", SIGTRAP},
                                                  {"SIGUSR1", SIGUSR1},
                                                  {"SIGUSR2", SIGUSR2}}};
}  // namespace

int signal_number(const json::value& value) {
  for (const SignalName& signal : kSignals)
    if ((value.is_string() && value.get_string() == signal.name) ||
        (value.is_int64() && value.get_int64() == signal.number))
      return signal.number;
  return 0;
}

std::string signal_name(int signal) {
  for (const SignalName& known : kSignals)
    if (known.number == signal) return std::string(known.name);
  return std::to_string(signal);
}

}  // namespace flame::fly
