#include "world.hpp"

#include <algorithm>

#include "times.hpp"

namespace flame::fly {

World::World(boost::asio::io_context& loop_in, Options options_in)
    : loop(loop_in),
      options(std::move(options_in)),
      settings(options.settings),
      random(options.seed),
      faults(random) {}

World::~World() = default;

App* World::find_app(const std::string& name) {
  const auto found = apps.find(name);
  return found == apps.end() ? nullptr : &found->second;
}

App& World::add_app(std::string name, std::string org) {
  App& app = apps[name];
  app.id = "app_" + random.hex_digits(12);
  app.name = std::move(name);
  app.org = std::move(org);
  app.network = "default";
  app.created_at_ms = unix_ms();
  return app;
}

MachinePtr World::find_machine(const std::string& app, const std::string& id) {
  forget_destroyed();
  const auto found = machines.find(id);
  return found == machines.end() || found->second->app != app ? nullptr : found->second;
}

MachinePtr World::live_by_name(const std::string& app, const std::string& name) {
  for (const auto& [id, machine] : machines)
    if (machine->live() && machine->app == app && machine->name == name) return machine;
  return nullptr;
}

std::vector<MachinePtr> World::machines_of(const std::string& app) const {
  std::vector<MachinePtr> out;
  for (const auto& [id, machine] : machines)
    if (machine->app == app) out.push_back(machine);
  std::stable_sort(out.begin(), out.end(), [](const MachinePtr& a, const MachinePtr& b) {
    return a->created_at_ms < b->created_at_ms;
  });
  return out;
}

void World::forget_destroyed() {
  const std::int64_t before = unix_ms() - settings.retention_ms;
  std::erase_if(machines, [&](const auto& entry) {
    const bool old = !entry.second->live() && entry.second->destroyed_at_ms <= before;
    if (old) forgotten.push_back(entry.second);
    return old;
  });
}

std::string World::next_address() {
  ++addresses_;
  return "127." + std::to_string(address_block) + "." + std::to_string(1 + addresses_ / 250 % 250) + "." +
         std::to_string(1 + addresses_ % 250);
}

void World::event(Machine& machine, std::string type, std::string status, std::string source,
                  boost::json::value request) {
  const std::int64_t now = unix_ms();
  machine.add_event(
      {random.ulid(now), std::move(type), std::move(status), std::move(source), now, std::move(request)});
}

}  // namespace flame::fly
