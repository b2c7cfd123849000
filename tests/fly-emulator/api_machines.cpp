#include "api.hpp"
#include "lifecycle.hpp"
#include "machine_json.hpp"
#include "regions.hpp"
#include "times.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

constexpr std::size_t kLongestName = 63;

Image pull(const World& world, const json::object& config) {
  const std::string ref = text(config, "image");
  if (auto image = world.images.find(ref)) return *image;
  return {ref, "", ""};  // found out when it is pulled: after the answer
}

// The first of the candidates that has room.
std::string place_machine(Exchange& x, const json::object& body) {
  const Fault* full = nullptr;
  std::string last;
  for (const std::string& region : region_candidates(text(body, "region", x.world.options.region))) {
    last = region;
    full = x.world.faults.strike("capacity", {"create", {}, region, x.app->name, {}});
    if (full == nullptr) return region;
  }
  if (full == nullptr) throw bad_request("invalid_argument: region is required");
  x.entry.faults.emplace_back("capacity");
  throw capacity_error(full->code, last, x.app->org);
}

void check_name(const Exchange& x, const std::string& name) {
  if (name.size() > kLongestName) throw bad_request("invalid_argument: machine name is too long");
  if (name.empty()) return;
  if (const auto other = x.world.live_by_name(x.app->name, name)) throw name_in_use(other->id, name);
}

void check_secrets_version(const Exchange& x, const json::object& body) {
  const auto* version = body.if_contains("min_secrets_version");
  if (version != nullptr && version->is_int64() && version->get_int64() > x.app->secrets_version)
    throw precondition("secrets version " + std::to_string(version->get_int64()) + " not yet available");
}

void lease_at_birth(Exchange& x, Machine& machine, const json::object& body, json::object& out) {
  const auto* ttl = body.if_contains("lease_ttl");
  if (ttl == nullptr || !ttl->is_int64() || ttl->get_int64() <= 0) return;
  machine.lease = Lease{x.world.random.hex_digits(12), x.token->id, "", machine.instance_id(),
                        unix_ms() / 1000 + ttl->get_int64()};
  out["nonce"] = machine.lease->nonce;
}

json::value config_of(const json::object& body) {
  const auto* config = body.if_contains("config");
  return config == nullptr || config->is_null() ? json::value(json::object()) : *config;
}

}  // namespace

void create(Exchange& x) {
  const json::object body = x.body_object();
  NewMachine wanted;
  wanted.config = checked_config(config_of(body), static_cast<unsigned>(x.world.settings.bad_guest));
  wanted.app = x.app->name;
  wanted.name = text(body, "name");
  check_name(x, wanted.name);
  check_secrets_version(x, body);
  wanted.region = place_machine(x, body);
  wanted.image = pull(x.world, wanted.config);
  wanted.launch = !flag(body, "skip_launch");
  wanted.cordoned = flag(body, "skip_service_registration");
  wanted.skip_secrets = flag(body, "skip_secrets");
  x.machine = create_machine(x.world, std::move(wanted));
  json::object out = machine_json(*x.machine);
  lease_at_birth(x, *x.machine, body, out);
  x.changed("machine " + x.machine->id + " (" + x.machine->name + ") created in " + x.machine->region);
  x.reply(200, out);
}

void get(Exchange& x) {
  json::object out = machine_json(*x.machine, {false, x.request.has_flag("include_leases")});
  if (x.machine->state() == State::destroyed && unix_ms() < x.machine->shown_destroyed_at_ms)
    out["state"] = "destroying";
  if (const auto wanted = x.request.parameter("version"); wanted && *wanted != x.machine->instance_id()) {
    const auto& versions = x.machine->versions;
    const auto found = std::find_if(versions.begin(), versions.end(),
                                    [&](const Version& v) { return v.instance_id == *wanted; });
    if (found == versions.end()) throw machine_not_found();
    out["state"] = "replaced";
    out["instance_id"] = out["version"] = *wanted;
    out["config"] = found->config;
  }
  x.reply(200, out);
}

void update(Exchange& x) {
  const json::object body = x.body_object();
  x.check_lease();
  auto config = checked_config(config_of(body), static_cast<unsigned>(x.world.settings.bad_guest));
  const std::string current = text(body, "current_version");
  if (!current.empty() && current != x.machine->instance_id())
    throw api_error(409, "aborted: machine version mismatch, expected " + current + ", found " +
                             x.machine->instance_id());
  check_secrets_version(x, body);
  Image image = pull(x.world, config);
  if (image.directory.empty()) throw bad_request("invalid_argument: failed to get manifest " + image.ref);
  update_machine(x.world, *x.machine, std::move(config), std::move(image), !flag(body, "skip_launch"));
  x.machine->skip_secrets = flag(body, "skip_secrets");
  x.changed("machine " + x.machine->id + " is now version " + x.machine->instance_id());
  json::object out = machine_json(*x.machine);
  lease_at_birth(x, *x.machine, body, out);
  x.reply(200, out);
}

void destroy(Exchange& x) {
  x.check_lease();
  const State before = x.machine->state();
  destroy_machine(x.world, *x.machine, x.request.has_flag("force") || x.request.has_flag("kill"));
  x.changed("machine " + x.machine->id + " " + std::string(state_name(before)) + " → " +
            std::string(state_name(x.machine->state())));
  x.reply(200, json::object{{"ok", true}});
}

}  // namespace flame::fly::api
