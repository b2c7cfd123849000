#include "cli/ui/once.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "base/fd.hpp"
#include "client/state_dir.hpp"

namespace flame::cli {

void say_once(const char* name, const std::string& text) {
  if (text.empty()) return;
  const std::string path = client::state_dir("told");
  if (path.empty()) return;
  // Whoever makes the file says it. Where none can be made, nothing is said: better than at every call.
  const UniqueFd mark(::open((path + "/" + name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (mark) write_all(STDERR_FILENO, "flame: " + text + "\n");
}

}  // namespace flame::cli
