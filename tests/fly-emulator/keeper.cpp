// The keeper of one machine: makes its namespaces, starts its init, and dies with the emulator; then the
// kernel ends everything inside.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "guest_init.hpp"
#include "guest_root.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

constexpr std::size_t kPlanLimitBytes = 64 * 1024 * 1024;

void say_failed(const std::string& why) {
  const std::string text = json::serialize(json::object{{"failed", why}});
  (void)!::send(kControlFd, text.data(), text.size(), MSG_NOSIGNAL);
}

int run_init(ProcessPlan plan, bool isolated) {
  try {
    if (isolated) enter_root(plan);
    GuestInit(std::move(plan), isolated).run();
    return 0;
  } catch (const std::exception& failed) {
    say_failed(failed.what());
    return 1;
  }
}

int keep(ProcessPlan plan) {
  if (const std::string why = enter_namespaces(); !why.empty()) {
    say_failed(why);
    return 1;
  }
  const pid_t init = ::fork();
  if (init == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::_exit(run_init(std::move(plan), true));
  }
  ::close(kControlFd);  // so that its end is seen when init ends
  int status = 0;
  while (::waitpid(init, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

}  // namespace

int keeper_main() {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::signal(SIGPIPE, SIG_IGN);
  try {
    const json::value plan = json::parse(read_fd(kPlanFd, kPlanLimitBytes));
    ::close(kPlanFd);
    for (const int fd : {kControlFd}) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    auto parsed = plan_from_json(plan.as_object());
    return plan.at("isolate").as_bool() ? keep(std::move(parsed)) : run_init(std::move(parsed), false);
  } catch (const std::exception& failed) {
    say_failed(failed.what());
    return 1;
  }
}

}  // namespace flame::fly
