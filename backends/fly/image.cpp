#include "backends/fly/image.hpp"

#include <cstdlib>

#include "base/error.hpp"

namespace flame::backend::fly {

std::string newest_app_image(const std::vector<FlyMachine>& machines) {
  const FlyMachine* newest = nullptr;
  const auto release = [](const FlyMachine& machine) {
    return std::strtoull(machine.release.c_str(), nullptr, 10);
  };
  for (const FlyMachine& machine : machines) {
    if (machine.ours() || machine.group.empty() || machine.image.empty() || machine.plain_state().empty())
      continue;
    if (machine.group.starts_with("fly_app_")) continue;  // release commands, test machines, consoles
    if (newest == nullptr || release(machine) > release(*newest) ||
        (release(machine) == release(*newest) && machine.updated_at_ms > newest->updated_at_ms))
      newest = &machine;
  }
  return newest != nullptr ? newest->image : "";
}

std::string choose_image(const std::string& from_settings, const std::vector<FlyMachine>& machines,
                         const std::string& app) {
  if (!from_settings.empty()) return from_settings;
  std::string found = newest_app_image(machines);
  const char* own = std::getenv("FLY_IMAGE_REF");
  if (own != nullptr && *own != '\0') {
    // The same image, but pinned: a tag may move.
    for (const FlyMachine& machine : machines)
      if (const char* id = std::getenv("FLY_MACHINE_ID");
          id != nullptr && machine.id == id && !machine.image.empty())
        return machine.image;
    return own;
  }
  if (!found.empty()) return found;
  throw Error(ErrorKind::config, "the app '" + app + "' has no machine whose image could be used",
              "deploy the app once ('fly deploy'), or name an image = \"registry.fly.io/…\" in flame.toml");
}

}  // namespace flame::backend::fly
