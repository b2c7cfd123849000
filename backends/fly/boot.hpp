// Making one machine, exactly one: every answer of the API is met by what it means.
#pragma once
#include "backends/fly/api.hpp"
#include "backends/fly/machine.hpp"
#include "backends/kit/serve.hpp"

namespace flame::backend::fly {

// image: pinned. A started machine of that name and generation: created, or adopted where somebody else was
// quicker. Throws NameTaken for a machine of another generation, Error(capacity, limit, refused, config,
// boot_failed, timed_out).
FlyMachine boot_machine(Api& api, const Request& request, const std::string& image);

}  // namespace flame::backend::fly
