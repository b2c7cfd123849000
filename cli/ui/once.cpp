#include "cli/ui/once.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/fd.hpp"

namespace flame::cli {

void say_once(const char* name, const std::string& text) {
  if (text.empty()) return;
  const char* state = std::getenv("XDG_STATE_HOME");
  const char* home = std::getenv("HOME");
  std::string path;
  if (state != nullptr && *state == '/')
    path = state;
  else if (home != nullptr && *home == '/')
    path = std::string(home) + "/.local/state";
  else
    return;
  for (const char* part : {"/flame", "/told", ""}) {
    ::mkdir(path.c_str(), 0700);
    path += part;
  }
  // Whoever makes the file says it. Where none can be made, nothing is said: better than at every call.
  const UniqueFd mark(::open((path + "/" + name).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (mark) write_all(STDERR_FILENO, "flame: " + text + "\n");
}

}  // namespace flame::cli
