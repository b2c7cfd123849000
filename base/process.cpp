#include "base/process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/error.hpp"

extern char** environ;

namespace flame {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

struct Actions {
  posix_spawn_file_actions_t value;
  Actions() { posix_spawn_file_actions_init(&value); }
  ~Actions() { posix_spawn_file_actions_destroy(&value); }
  Actions(const Actions&) = delete;
  Actions& operator=(const Actions&) = delete;
};

struct Attributes {
  posix_spawnattr_t value;
  Attributes() { posix_spawnattr_init(&value); }
  ~Attributes() { posix_spawnattr_destroy(&value); }
  Attributes(const Attributes&) = delete;
  Attributes& operator=(const Attributes&) = delete;
};

}  // namespace

Child spawn(const SpawnPlan& plan) {
  Actions actions;
  int highest = 2;         // of all numbers in play
  int highest_theirs = 2;  // above it the child has nothing
  for (const auto& [ours, theirs] : plan.descriptors) {
    highest = std::max({highest, ours, theirs});
    highest_theirs = std::max(highest_theirs, theirs);
  }
  // Each descriptor is first lifted above every target, so that no dup2 overwrites one still needed.
  std::vector<UniqueFd> lifted;
  std::vector<bool> named(static_cast<std::size_t>(highest_theirs) + 1);
  for (const auto& [ours, theirs] : plan.descriptors) {
    lifted.emplace_back(::fcntl(ours, F_DUPFD_CLOEXEC, highest + 1));
    if (!lifted.back()) throw system_error("cannot duplicate a descriptor for '" + plan.path + "'", errno);
    posix_spawn_file_actions_adddup2(&actions.value, lifted.back().get(), theirs);
    named[static_cast<std::size_t>(theirs)] = true;
  }
  for (int fd = 0; fd <= highest_theirs; ++fd) {
    if (named[static_cast<std::size_t>(fd)]) continue;
    if (fd <= 2)
      posix_spawn_file_actions_addopen(&actions.value, fd, "/dev/null", fd == 0 ? O_RDONLY : O_WRONLY, 0);
    else
      posix_spawn_file_actions_addclose(&actions.value, fd);
  }
  // Whoever started us may have left descriptors open without O_CLOEXEC.
  posix_spawn_file_actions_addclosefrom_np(&actions.value, highest_theirs + 1);

  Attributes attributes;
  sigset_t all, none;
  sigfillset(&all);
  sigemptyset(&none);
  posix_spawnattr_setsigdefault(&attributes.value, &all);  // an inherited "ignored" SIGCHLD or SIGPIPE too
  posix_spawnattr_setsigmask(&attributes.value, &none);
  int flags = POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK;
  if (plan.new_session) flags |= POSIX_SPAWN_SETSID;
  posix_spawnattr_setflags(&attributes.value, static_cast<short>(flags));

  const auto argv = pointers(plan.arguments);
  const auto envp = pointers(plan.environment);
  Child child;
  const int why = ::posix_spawn(&child.pid, plan.path.c_str(), &actions.value, &attributes.value, argv.data(),
                                envp.data());
  if (why != 0) throw system_error("cannot start '" + plan.path + "'", why);
  child.pidfd = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  if (!child.pidfd) throw system_error("cannot watch '" + plan.path + "'", errno);
  return child;
}

int wait_child(const Child& child) noexcept {
  int status = -1;
  while (::waitpid(child.pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status;
}

std::string own_directory() {
  std::array<char, 4096> buffer{};
  const ssize_t n = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
  if (n <= 0) throw system_error("cannot read /proc/self/exe", errno);
  const std::string_view path(buffer.data(), static_cast<std::size_t>(n));
  return std::string(path.substr(0, path.rfind('/')));
}

std::string find_near_own(std::initializer_list<const char*> places, int mode) {
  const std::string own = own_directory();
  for (const char* place : places)
    if (::access((own + place).c_str(), mode) == 0) return own + place;
  return {};
}

std::string host_name() {
  std::array<char, 65> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return host.data();
}

std::vector<std::string> current_environment() {
  std::vector<std::string> out;
  for (char** at = environ; *at != nullptr; ++at) out.emplace_back(*at);
  return out;
}

}  // namespace flame
