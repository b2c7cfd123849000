#include "plan.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/text.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

// Exactly the config's env, the app's secrets, and what the platform adds; later ones win.
std::vector<std::string> environment(const App& app, const Machine& machine, const std::string& clock_page) {
  std::map<std::string, std::string> out;
  const json::object& config = machine.config();
  if (const auto* env = member(config, "env"); env != nullptr)
    for (const auto& [name, value] : *env) out[std::string(name)] = value.as_string();
  if (!machine.skip_secrets)
    for (const auto& [name, secret] : app.secrets) out[name] = secret.value;
  const auto* metadata = member(config, "metadata");
  out["FLY_APP_NAME"] = machine.app;
  out["FLY_MACHINE_ID"] = out["FLY_ALLOC_ID"] = machine.id;
  out["FLY_REGION"] = machine.region;
  out["FLY_PUBLIC_IP"] = "::1";
  out["FLY_IMAGE_REF"] = machine.image.ref;
  out["FLY_MACHINE_VERSION"] = machine.instance_id();
  out["FLY_PRIVATE_IP"] = machine.address;
  out["FLY_PROCESS_GROUP"] = metadata == nullptr ? "" : text(*metadata, "fly_process_group");
  out["FLY_VM_MEMORY_MB"] = std::to_string(guest_of(config).memory_mb);
  if (machine.from_deploy) out["PRIMARY_REGION"] = machine.region;
  if (!clock_page.empty()) out["FLY_EMULATOR_CLOCK"] = clock_page;
  std::vector<std::string> lines;
  for (const auto& [name, value] : out) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<GuestFile> files(const App& app, const json::object& config) {
  std::vector<GuestFile> out;
  const auto* list = config.if_contains("files");
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& entry : list->get_array()) {
    const auto& file = entry.as_object();
    GuestFile guest{text(file, "guest_path"), from_base64(text(file, "raw_value")).value_or(""), 0644};
    if (const auto secret = app.secrets.find(text(file, "secret_name")); secret != app.secrets.end())
      guest.content = from_base64(secret->second.value).value_or(secret->second.value);
    const auto* mode = file.if_contains("mode");
    if (mode != nullptr && mode->is_int64()) guest.mode = static_cast<unsigned>(mode->get_int64() & 07777);
    out.push_back(std::move(guest));
  }
  return out;
}

}  // namespace

ProcessPlan process_plan(World& world, const Machine& machine) {
  const App& app = *world.find_app(machine.app);
  const json::object& config = machine.config();
  ProcessPlan plan;
  plan.root = machine.image.directory;
  plan.scratch = machine.scratch;
  if (const auto* rootfs = member(config, "rootfs"); rootfs != nullptr)
    plan.keep_disk = text(*rootfs, "persist") == "always" || text(*rootfs, "persist") == "restart";
  plan.command = command_of(config);
  plan.memory_mb = guest_of(config).memory_mb;
  plan.address = machine.address;
  if (!world.options.light) {
    ::mkdir(machine.scratch.c_str(), 0755);
    plan.clock_page = machine.scratch + "/clock";
    write_clock_page(machine);
  }
  plan.files = files(app, config);
  plan.environment = environment(app, machine,
                                 plan.clock_page.empty() ? ""
                                 : world.isolated        ? "/.fly/clock"
                                                         : plan.clock_page);
  return plan;
}

void write_clock_page(const Machine& machine) {
  const std::int64_t behind_ns = machine.clock_behind_ms * 1'000'000;
  const UniqueFd fd = open_file(machine.scratch + "/clock", O_WRONLY | O_CREAT, 0644);
  if (!write_all(fd.get(), &behind_ns, sizeof behind_ns))
    throw system_error("cannot write the clock page", errno);
}

}  // namespace flame::fly
