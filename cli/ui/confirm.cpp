#include "cli/ui/confirm.hpp"

#include <unistd.h>

#include "base/fd.hpp"

namespace flame::cli {

bool confirmed(const std::string& question) {
  if (::isatty(STDIN_FILENO) != 1 || ::isatty(STDERR_FILENO) != 1) return true;
  write_all(STDERR_FILENO, question + " [y/N] ");
  char answer[64] = {};
  const ssize_t n = ::read(STDIN_FILENO, answer, sizeof answer);
  return n > 0 && (answer[0] == 'y' || answer[0] == 'Y');
}

}  // namespace flame::cli
