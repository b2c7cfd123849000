#include <algorithm>

#include "api.hpp"
#include "lifecycle.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

bool good_name(const std::string& name) {
  return !name.empty() && name.size() < 63 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

json::object app_json(const World& world, const App& app) {
  const auto machines = world.machines_of(app.name);
  const auto live =
      std::count_if(machines.begin(), machines.end(), [](const MachinePtr& m) { return m->live(); });
  const bool deployed =
      std::any_of(machines.begin(), machines.end(), [](const MachinePtr& m) { return m->from_deploy; });
  return {{"id", app.id},
          {"name", app.name},
          {"internal_numeric_id", std::hash<std::string>{}(app.id) % 10'000'000},
          {"status", deployed ? "deployed" : "pending"},
          {"organization", json::object{{"name", app.org}, {"slug", app.org}, {"internal_numeric_id", 1}}},
          {"network", app.network},
          {"machine_count", live},
          {"volume_count", 0}};
}

std::string org_of(const Exchange& x, const json::object& body) {
  return text(body, "org_slug", x.token->org);
}

}  // namespace

void create_app(Exchange& x) {
  const json::object body = x.body_object();
  const std::string name = text(body, "app_name", text(body, "name"));
  const std::string org = org_of(x, body);
  if (x.token->org != org || !x.token->app.empty())
    throw api_error(403, "unauthorized: not allowed to create apps in " + org);
  if (!good_name(name))
    throw api_error(422, "Name under 63 chars using numbers, lowercase letters and dashes");
  if (x.world.find_app(name) != nullptr)
    throw api_error(422, "Validation failed: Name has already been taken", "name_taken");
  App& app = x.world.add_app(name, org);
  app.network = text(body, "network", "default");
  x.changed("app " + name + " created");
  x.reply(201, json::object{{"id", app.id}, {"created_at", app.created_at_ms}});
}

void list_apps(Exchange& x) {
  const std::string org = x.request.parameter("org_slug").value_or("");
  if (org.empty()) throw bad_request("org_slug is required");
  if (org != x.token->org) throw api_error(403, "unauthorized: not allowed to list apps of " + org);
  json::array apps;
  for (const auto& [name, app] : x.world.apps)
    if (x.token->opens(app.org, name)) apps.push_back(app_json(x.world, app));
  const auto count = apps.size();
  x.reply(200, json::object{{"apps", std::move(apps)}, {"total_apps", count}});
}

void get_app(Exchange& x) { x.reply(200, app_json(x.world, *x.app)); }

void delete_app(Exchange& x) {
  for (const MachinePtr& machine : x.world.machines_of(x.app->name)) {
    if (!machine->live()) continue;
    if (machine->state() == State::started && !x.request.has_flag("force"))
      throw precondition("app has running machines");
  }
  for (const MachinePtr& machine : x.world.machines_of(x.app->name))
    if (machine->live() && machine->state() != State::destroying) {
      machine->process.reset();
      destroy_machine(x.world, *machine, true);
    }
  x.changed("app " + x.app->name + " deleted");
  x.world.apps.erase(x.app->name);
  x.app = nullptr;
  x.reply_empty(202);
}

void list_addresses(Exchange& x) {
  json::array ips;
  for (const auto& address : x.app->addresses)
    ips.push_back(
        json::object{{"ip", address}, {"shared", true}, {"created_at", rfc3339(x.app->created_at_ms)}});
  x.reply(200, json::object{{"ips", std::move(ips)}});
}

void add_address(Exchange& x) {
  const std::string type = text(x.body_object(), "type");
  if (type.empty()) throw bad_request("type is required");
  x.app->addresses.push_back("127.0.0." + std::to_string(2 + x.app->addresses.size() % 250));
  x.changed("address added");
  x.reply(200, json::object{{"ip", x.app->addresses.back()}, {"type", type}});
}

void delete_address(Exchange& x) {
  if (std::erase(x.app->addresses, x.parameters["key"]) == 0) throw api_error(404, "ip address not found");
  x.changed("address removed");
  x.reply_empty(204);
}

}  // namespace flame::fly::api
