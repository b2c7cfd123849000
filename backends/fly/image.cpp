#include "backends/fly/image.hpp"

#include <cstdlib>

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

std::string image_of_a_boot(const std::string& from_settings, const std::vector<FlyMachine>& machines) {
  if (!from_settings.empty()) return from_settings;
  const char* own = std::getenv("FLY_IMAGE_REF");
  if (own == nullptr || *own == '\0') return newest_app_image(machines);
  // The same image, but pinned: a tag may move.
  const char* id = std::getenv("FLY_MACHINE_ID");
  for (const FlyMachine& machine : machines)
    if (id != nullptr && machine.id == id && !machine.image.empty()) return machine.image;
  return own;
}

}  // namespace flame::backend::fly
