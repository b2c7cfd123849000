#include "backends/fly/machine.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "backends/fly/members.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;

// RFC 3339 in UTC, as the API writes it; 0 for anything else.
std::uint64_t time_ms(const std::string& rfc3339) {
  std::tm at{};
  if (std::sscanf(rfc3339.c_str(), "%d-%d-%dT%d:%d:%d", &at.tm_year, &at.tm_mon, &at.tm_mday, &at.tm_hour,
                  &at.tm_min, &at.tm_sec) != 6)
    return 0;
  at.tm_year -= 1900;
  at.tm_mon -= 1;
  const std::time_t seconds = ::timegm(&at);
  return seconds < 0 ? 0 : static_cast<std::uint64_t>(seconds) * 1000;
}

std::string token_in(const json::value& config) {
  const auto* files = member(config, "files").if_array();
  if (files == nullptr) return {};
  for (const auto& file : *files)
    if (text(file, "guest_path") == kTokenPath) return from_base64(text(file, "raw_value")).value_or("");
  return {};
}

void read_image(FlyMachine& out, const json::value& value) {
  const json::value& ref = member(value, "image_ref");
  out.digest = text(ref, "digest");
  const std::string place = text(ref, "registry") + "/" + text(ref, "repository");
  if (!out.digest.empty() && place.size() > 1)
    out.image = place + "@" + out.digest;
  else
    out.image = text(member(value, "config"), "image");
}

}  // namespace

std::string FlyMachine::plain_state() const {
  if (state == "started" || state == "stopped" || state == "suspended") return state;
  if (state == "created" || state == "creating" || state == "starting" || state == "restarting" ||
      state == "updating" || state == "replacing")
    return "started";  // on its way: its hello will tell
  if (state == "stopping" || state == "suspending") return "stopping";
  if (state == "destroyed" || state == "destroying" || state == "replaced" || state == "migrated") return "";
  return "stopped";  // failed, and what is not known: a start will tell
}

FlyMachine read_machine(const json::value& value) {
  FlyMachine out;
  out.id = text(value, "id");
  out.name = text(value, "name");
  out.state = text(value, "state");
  out.region = text(value, "region");
  out.private_ip = text(value, "private_ip");
  out.instance_id = text(value, "instance_id");
  out.created_at_ms = time_ms(text(value, "created_at"));
  out.updated_at_ms = time_ms(text(value, "updated_at"));
  read_image(out, value);
  json::value config = member(value, "config");
  if (!config.is_object()) config = member(value, "incomplete_config");
  const json::value& metadata = member(config, "metadata");
  out.pool = text(metadata, kPoolKey);
  out.generation = text(metadata, kGenerationKey);
  out.keeper = text(metadata, kKeeperKey);
  out.leased = number(member(value, "lease"), "expires_at") > static_cast<std::int64_t>(std::time(nullptr));
  out.release = text(metadata, "fly_release_version");
  out.group = text(metadata, "fly_process_group");
  if (text(metadata, "fly_platform_version") != "v2") out.group.clear();
  out.token = token_in(config);
  const json::value& guest = member(config, "guest");
  const std::string kind = text(guest, "cpu_kind");
  out.guest.kind = kind == "performance" ? "performance" : "shared";
  out.guest.cpus = static_cast<std::uint64_t>(std::max<std::int64_t>(number(guest, "cpus", 1), 1));
  const auto memory_mb = number(guest, "memory_mb");
  out.guest.memory_mb = memory_mb > 0 ? static_cast<std::uint64_t>(memory_mb) : out.guest.cpus * 256;
  out.port = std::strtoull(text(metadata, kPortKey).c_str(), nullptr, 10);
  return out;
}

std::string address_of(const FlyMachine& machine) {
  if (machine.private_ip.empty() || machine.port == 0) return "";
  const bool v6 = machine.private_ip.find(':') != machine.private_ip.npos;
  return (v6 ? "[" + machine.private_ip + "]" : machine.private_ip) + ":" + std::to_string(machine.port);
}

json::object machine_object(const FlyMachine& machine, const std::string& current_image) {
  const bool other_image = !current_image.empty() && !machine.digest.empty() &&
                           current_image.find('@') != current_image.npos &&
                           !current_image.ends_with("@" + machine.digest);
  json::object out = {
      {"name", machine.name},
      {"pool", machine.pool},
      {"state", machine.plain_state()},
      // A deploy makes another generation: the old image's runners take no new work.
      {"generation", machine.generation + (other_image ? "+old-image" : "")},
      {"created_at_ms", machine.created_at_ms},
      {"id", machine.id},
      {"region", machine.region},
      {"guest", machine.guest.name()},
      {"image", machine.image},
      {"price_per_second",
       machine.plain_state() == "started" ? price_per_second(machine.guest, machine.region) : 0.0}};
  if (!address_of(machine).empty() && !machine.token.empty() && machine.plain_state() == "started") {
    out["address"] = {{"tcp", address_of(machine)}, {"token", machine.token}};
  }
  return out;
}

}  // namespace flame::backend::fly
