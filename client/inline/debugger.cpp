#include "client/inline/debugger.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"

namespace flame::client {
namespace {

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

}  // namespace

std::vector<std::string> inspector_command(const std::string& program, const char* variable) {
  const char* given = std::getenv(variable);
  std::vector<std::string> words = split(given != nullptr ? given : "", ' ');
  if (words.empty()) words = {program};
  if (words[0].find('/') != std::string::npos) return words;
  const char* path = std::getenv("PATH");
  for (const auto& directory : split(path != nullptr ? path : "/usr/bin:/bin", ':'))
    if (const std::string full = directory + "/" + words[0]; ::access(full.c_str(), X_OK) == 0) {
      words[0] = full;
      return words;
    }
  throw Error(ErrorKind::config, "'" + words[0] + "' is not on PATH",
              "install the package " + program + ", or name the program in " + variable);
}

Debugger::Debugger() : command_(inspector_command("gdb", "FLAME_GDB")) {}

void Debugger::attach(pid_t worker) {
  worker_ = worker;
  SpawnPlan plan;
  plan.path = command_[0];
  plan.arguments = command_;
  plan.arguments.insert(plan.arguments.end(),
                        {"-q", "-p", std::to_string(worker), "-ex",
                         "tbreak **(unsigned long *)&flame_called_function", "-ex", "continue"});
  plan.environment = current_environment();
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC));
  if (terminal)
    plan.descriptors = {{terminal.get(), 0}, {terminal.get(), 1}, {terminal.get(), 2}};
  else
    plan.descriptors = {{STDERR_FILENO, 1}, {STDERR_FILENO, 2}};
  child_ = spawn(plan);
}

Debugger::~Debugger() { let_go(); }

int Debugger::wake_fd(int other) {
  wake_ = UniqueFd(::epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{EPOLLIN, {}};
  for (const int fd : {other, child_->pidfd.get()}) ::epoll_ctl(wake_.get(), EPOLL_CTL_ADD, fd, &event);
  return wake_.get();
}

bool Debugger::has_ended() const {
  pollfd end{child_ ? child_->pidfd.get() : -1, POLLIN, 0};
  return ::poll(&end, 1, 0) == 1;
}

void Debugger::let_go() {
  if (!child_) return;
  wait_child(*child_);
  if (wake_) ::epoll_ctl(wake_.get(), EPOLL_CTL_DEL, child_->pidfd.get(), nullptr);
  child_.reset();
  ::kill(worker_, SIGCONT);
}

}  // namespace flame::client
