// The image that a runner boots from: the app's own, pinned by digest.
#pragma once
#include <string>
#include <vector>

#include "backends/fly/machine.hpp"

namespace flame::backend::fly {

// The image of the newest release among the app's own machines (those of `fly deploy`, never our runners):
// pinned by digest where the API tells it. Empty when there is none.
std::string newest_app_image(const std::vector<FlyMachine>& machines);

// What a boot from here uses: `image` of the pool, else the image of the machine that we are in, else the
// newest app image; "" when there is none.
std::string image_of_a_boot(const std::string& from_settings, const std::vector<FlyMachine>& machines);

}  // namespace flame::backend::fly
