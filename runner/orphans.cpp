#include "runner/orphans.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::runner {
namespace {

constexpr std::size_t kListMaxBytes = 1024 * 1024;

// Of this thread, which is the only one.
std::string children() {
  try {
    return read_file("/proc/self/task/" + std::to_string(::getpid()) + "/children", kListMaxBytes);
  } catch (const Error&) {
    return {};  // no /proc: nobody is to be found
  }
}

}  // namespace

std::set<pid_t>& nannies() {
  static std::set<pid_t> all;
  return all;
}

bool end_orphans() {
  bool none = true;
  const std::string list = children();
  char* end = nullptr;
  for (const char* at = list.c_str(); *at != '\0'; at = end) {
    const auto pid = static_cast<pid_t>(std::strtol(at, &end, 10));
    if (pid <= 0) break;
    if (nannies().contains(pid)) continue;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, WNOHANG);
    none = false;  // also when it was dead: its children have become ours after the list was made
  }
  return none;
}

}  // namespace flame::runner
