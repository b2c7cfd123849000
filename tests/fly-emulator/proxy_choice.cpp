#include "proxy_choice.hpp"

#include <algorithm>

namespace flame::fly {
namespace json = boost::json;
namespace {

std::int64_t number(const json::object& object, std::string_view name, std::int64_t otherwise = 0) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_int64() ? value->get_int64() : otherwise;
}

const json::object* port_entry(const json::object& service, std::uint16_t public_port) {
  const auto* ports = service.if_contains("ports");
  if (ports == nullptr || !ports->is_array()) return nullptr;
  for (const auto& entry : ports->get_array()) {
    const auto* port = entry.if_object();
    if (port == nullptr) continue;
    const std::int64_t only = number(*port, "port", -1);
    if (only == public_port ||
        (number(*port, "start_port", 1) <= public_port && public_port <= number(*port, "end_port", 0)))
      return port;
  }
  return nullptr;
}

Service parse_service(const json::object& service, const json::object* port) {
  Service out;
  out.internal_port = static_cast<std::uint16_t>(number(service, "internal_port", 8080));
  out.autostart = flag(service, "autostart");
  out.stops = flag(service, "autostop");
  out.suspends = text(service, "autostop") == "suspend";
  out.min_running = number(service, "min_machines_running");
  if (const auto* limits = member(service, "concurrency"); limits != nullptr)
    out.hard_limit = number(*limits, "hard_limit");
  const auto* options = port == nullptr ? nullptr : member(*port, "http_options");
  if (options != nullptr) out.idle_timeout_ms = number(*options, "idle_timeout") * 1000;
  return out;
}

std::optional<Service> find_service(const Machine& machine, std::optional<std::uint16_t> public_port) {
  const auto* services = machine.config().if_contains("services");
  if (services == nullptr || !services->is_array()) return std::nullopt;
  for (const auto& entry : services->get_array()) {
    const json::object* port = public_port ? port_entry(entry.as_object(), *public_port) : nullptr;
    if (port != nullptr || !public_port) return parse_service(entry.as_object(), port);
  }
  return std::nullopt;
}

bool listed(std::string_view list, std::string_view word) {
  while (!list.empty()) {
    const std::string_view item = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), item.size() + 1));
    if (item == word) return true;
  }
  return false;
}

// "demo.fly.dev:443" → demo; an address or localhost is the first app's.
std::string app_of(const World& world, const Request& request) {
  const std::string host = request.header("host");
  for (const std::string_view end : {".fly.dev", ".flycast"})
    if (const auto at = host.find(end); at != std::string::npos) return host.substr(0, at);
  return world.options.app;
}

bool awake(const Machine& machine) { return machine.state() == State::started; }

bool can_wake(const Machine& machine, const Service& service) {
  switch (machine.state()) {
    case State::starting:
    case State::restarting:
    case State::replacing:
      return true;
    case State::created:
      return machine.launching || service.autostart;
    case State::stopped:
    case State::stopping:
    case State::suspended:
    case State::suspending:
      return service.autostart;
    default:
      return false;
  }
}

struct Candidate {
  MachinePtr machine;
  Service service;
  int load;
};

std::vector<Candidate> candidates(const World& world, const std::string& app, std::uint16_t port,
                                  const Loads& loads) {
  std::vector<Candidate> out;
  for (const MachinePtr& machine : world.machines_of(app)) {
    if (!machine->live() || machine->host_gone) continue;
    const auto service = service_at(*machine, port);
    const auto load = loads.find(machine->id);
    if (service) out.push_back({machine, *service, load == loads.end() ? 0 : load->second});
  }
  return out;
}

Choice refuse(unsigned status, std::string why) {
  Choice out;
  out.status = status;
  out.why = std::move(why);
  return out;
}

bool has_room(const Candidate& c) { return c.service.hard_limit == 0 || c.load < c.service.hard_limit; }

const Candidate* best(const std::vector<Candidate>& all, const std::string& region) {
  const Candidate* found = nullptr;
  const auto better = [&](const Candidate& a, const Candidate& b) {
    if (awake(*a.machine) != awake(*b.machine)) return awake(*a.machine);
    const bool a_near = listed(region, a.machine->region), b_near = listed(region, b.machine->region);
    return a_near != b_near ? a_near : a.load < b.load;
  };
  for (const Candidate& candidate : all) {
    if (candidate.machine->cordoned || !has_room(candidate)) continue;
    if (!awake(*candidate.machine) && !can_wake(*candidate.machine, candidate.service)) continue;
    if (found == nullptr || better(candidate, *found)) found = &candidate;
  }
  return found;
}

const Candidate* by_id(const std::vector<Candidate>& all, const std::string& id) {
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Candidate& c) { return c.machine->id == id; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

std::optional<Service> service_at(const Machine& machine, std::uint16_t public_port) {
  return find_service(machine, public_port);
}
std::optional<Service> any_service(const Machine& machine) { return find_service(machine, std::nullopt); }

Choice choose_machine(const World& world, const Request& request, std::uint16_t public_port,
                      const Loads& loads) {
  const std::string app = app_of(world, request);
  if (!world.apps.contains(app)) return refuse(404, "no such app");
  auto all = candidates(world, app, public_port, loads);
  const std::string forced_region = request.header("fly-force-region");
  if (!forced_region.empty())
    std::erase_if(all, [&](const Candidate& c) { return !listed(forced_region, c.machine->region); });
  if (const std::string id = request.header("fly-force-instance-id"); !id.empty()) {
    const Candidate* forced = by_id(all, id);
    if (forced == nullptr) return refuse(502, "no such instance");
    if (!awake(*forced->machine) && !can_wake(*forced->machine, forced->service))
      return refuse(503, "instance is not running");
    return {forced->machine, forced->service, {}, 0, {}};
  }
  const std::string preferred = request.header("fly-prefer-instance-id");
  if (const Candidate* wanted = by_id(all, preferred);
      wanted != nullptr && awake(*wanted->machine) && has_room(*wanted))
    return {wanted->machine, wanted->service, {}, 0, {}};
  const Candidate* found = best(all, request.header("fly-prefer-region"));
  if (found == nullptr) return refuse(503, "no machine can serve this");
  const bool other = !preferred.empty() && found->machine->id != preferred;
  return {found->machine, found->service, other ? preferred : "", 0, {}};
}

}  // namespace flame::fly
