// The image that a runner boots from: the app's own, pinned by digest.
#pragma once
#include <string>
#include <vector>

#include "backends/fly/machine.hpp"

namespace flame::backend::fly {

// The image of the newest release among the app's own machines (those of `fly deploy`, never our runners):
// pinned by digest where the API tells it. Empty when there is none.
std::string newest_app_image(const std::vector<FlyMachine>& machines);

// `image` of the pool, else FLY_IMAGE_REF, else the newest app image. Throws Error(config).
std::string choose_image(const std::string& from_settings, const std::vector<FlyMachine>& machines,
                         const std::string& app);

}  // namespace flame::backend::fly
