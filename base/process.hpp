// Starting programs: posix_spawn with an explicit list of descriptors; children are known by pidfd.
#pragma once
#include <sys/types.h>
#include <unistd.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "base/fd.hpp"

namespace flame {

struct SpawnPlan {
  std::string path;                              // absolute
  std::vector<std::string> arguments;            // with argv[0]
  std::vector<std::string> environment;          // "NAME=value", and nothing else
  std::vector<std::pair<int, int>> descriptors;  // (ours, the child's number); 0, 1, 2 not named: /dev/null
  bool new_session = false;
};

struct Child {
  pid_t pid = -1;
  UniqueFd pidfd;  // readable when the child has ended; reap it with wait_child
};

// Signals are reset to default and unblocked in the child. Call from the main thread (PR_SET_PDEATHSIG
// follows the thread). Throws Error(system) that names the path, also when exec fails.
Child spawn(const SpawnPlan& plan);

// Blocks until the child has ended; returns its wait status (as waitpid's), or -1 when it cannot be known.
int wait_child(const Child& child) noexcept;

// Directory that holds the running executable, by /proc/self/exe.
std::string own_directory();

// The first of these places, seen from own_directory(), that we may use so (access(2)); "" when there is
// none. An installed tree and one that is only built have their parts at different ones.
std::string find_near_own(std::initializer_list<const char*> places, int mode = X_OK);

// What this computer calls itself; "?" when it does not say.
std::string host_name();

// Every environment variable as "NAME=value".
std::vector<std::string> current_environment();

}  // namespace flame
