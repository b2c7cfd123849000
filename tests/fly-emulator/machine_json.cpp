#include "machine_json.hpp"

#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;

json::object event_json(const Event& event) {
  return {{"id", event.id},           {"type", event.type},     {"status", event.status},
          {"request", event.request}, {"source", event.source}, {"timestamp", event.timestamp_ms}};
}

json::object lease_json(const Lease& lease) {
  return {{"nonce", lease.nonce},
          {"expires_at", lease.expires_at_s},
          {"owner", lease.owner},
          {"description", lease.description},
          {"version", lease.version}};
}

namespace {

json::array events_newest_first(const Machine& machine) {
  json::array out;
  for (auto event = machine.events.rbegin(); event != machine.events.rend(); ++event)
    out.push_back(event_json(*event));
  return out;
}

json::array checks(const Machine& machine) {
  json::array out;
  const auto* named = member(machine.config(), "checks");
  if (named == nullptr) return out;
  for (const auto& [name, check] : *named)
    out.push_back(json::object{{"name", name},
                               {"status", machine.state() == State::started ? "passing" : "critical"},
                               {"output", ""},
                               {"updated_at", rfc3339(machine.updated_at_ms)}});
  return out;
}

void put_config(json::object& out, const Machine& machine) {
  if (machine.host_gone)
    out["incomplete_config"] = json::object{{"image", machine.image.ref}};
  else
    out["config"] = machine.config();
}

}  // namespace

json::object machine_json(const Machine& machine, MachineView view) {
  json::object out{{"id", machine.id},
                   {"name", machine.name},
                   {"state", state_name(machine.state())},
                   {"region", machine.region},
                   {"instance_id", machine.instance_id()},
                   {"version", machine.instance_id()},
                   {"private_ip", machine.address},
                   {"created_at", rfc3339(machine.created_at_ms)},
                   {"updated_at", rfc3339(machine.updated_at_ms)},
                   {"image_ref", machine.image.image_ref()},
                   {"cordoned", machine.cordoned}};
  if (!view.summary) {
    put_config(out, machine);
    out["events"] = events_newest_first(machine);
    out["checks"] = checks(machine);
    out["host_status"] = machine.host_gone ? "unreachable" : "ok";
  }
  if (const Lease* lease = machine.live_lease(unix_ms()); view.include_lease && lease != nullptr)
    out["lease"] = json::object{
        {"description", lease->description}, {"expires_at", lease->expires_at_s}, {"owner", lease->owner}};
  return out;
}

}  // namespace flame::fly
