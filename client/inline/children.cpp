#include "client/inline/children.hpp"

#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::client {
namespace {

pid_t first_child_of(pid_t pid) {
  if (pid <= 0) return -1;
  try {
    const std::string id = std::to_string(pid);
    const std::string text = read_file("/proc/" + id + "/task/" + id + "/children", 4096);
    return text.empty() ? -1 : static_cast<pid_t>(std::atol(text.c_str()));
  } catch (const Error&) {
    return -1;
  }
}

}  // namespace

pid_t worker_of(pid_t runner) { return first_child_of(first_child_of(runner)); }

}  // namespace flame::client
