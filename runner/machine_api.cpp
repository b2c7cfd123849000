#include "runner/machine_api.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

namespace flame::runner {

void keep_machine_api_to_root() noexcept {
  if (::geteuid() == 0 && std::getenv("FLY_MACHINE_ID") != nullptr) (void)::chmod("/.fly", 0700);
}

}  // namespace flame::runner
