#include "guest_init.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/error.hpp"
#include "guest_processes.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

constexpr int kMemoryCheckMs = 250;

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const auto& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

UniqueFd child_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  return UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

[[noreturn]] void become(const std::vector<std::string>& command, const std::vector<std::string>& environment,
                         const int (&stdio)[3], int report) {
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  ::setsid();
  for (int fd = 0; fd < 3; ++fd) ::dup2(stdio[fd], fd);
  const auto argv = pointers(command);
  auto envp = pointers(environment);
  environ = envp.data();
  ::execvp(argv[0], argv.data());  // without a PATH: /bin and /usr/bin
  const int why = errno;
  (void)!::write(report, &why, sizeof why);
  ::_exit(127);
}

}  // namespace

pid_t GuestInit::start(const std::vector<std::string>& command, const int (&stdio)[3],
                       std::string& failed) const {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) become(command, plan_.environment, stdio, write_end.get());
  write_end.reset();
  int why = 0;
  if (pid < 0)
    failed = errno_text(errno);
  else if (read_full(read_end.get(), &why, sizeof why) == sizeof why)
    failed = "could not exec " + command.front() + ": " + errno_text(why);
  return pid;
}

void GuestInit::say(const json::object& message) const {
  const std::string text = json::serialize(message);
  (void)!::send(kControlFd, text.data(), text.size(), MSG_NOSIGNAL);
}

void GuestInit::start_command() {
  if (plan_.command.empty()) return say({{"up", true}});  // an image without a command: the machine just is
  const UniqueFd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  std::string failed;
  main_ = start(plan_.command, {nothing.get(), 1, 2}, failed);
  if (!failed.empty()) {  // it has ended; nobody is to take that for an exit of the command
    ::waitpid(std::exchange(main_, 0), nullptr, 0);
    return say({{"failed", failed}});
  }
  say({{"up", true}});
}

void GuestInit::start_exec(std::uint64_t id, const std::vector<std::string>& command, UniqueFd* descriptors) {
  std::string failed;
  const pid_t pid =
      start(command, {descriptors[0].get(), descriptors[1].get(), descriptors[2].get()}, failed);
  if (!failed.empty()) write_all(descriptors[2].get(), failed + "\n");
  if (pid < 0) return say({{"exec_exit", id}, {"status", 127 << 8}});
  execs_[pid] = id;
}

void GuestInit::every_process(int signal) const {
  if (all_is_ours_)
    ::kill(-1, signal);
  else
    for (const pid_t pid : descendants(::getpid())) ::kill(pid, signal);
}

void GuestInit::end_everything() const {
  if (all_is_ours_) return;  // ends with us
  while (true) {
    const auto left = descendants(::getpid());
    if (left.empty()) return;
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    ::poll(nullptr, 0, 1);
  }
}

void GuestInit::obey(const json::object& order, UniqueFd* descriptors) {
  const std::string what = json::value_to<std::string>(order.at("do"));
  if (what == "signal") {
    const int signal = order.at("signal").to_number<int>();
    if (main_ > 0) ::kill(main_, signal);
    if (main_ == 0 && signal != 0) {  // nobody would hear it
      say({{"exit", 0}, {"oom", false}});
      over_ = true;
    }
  } else if (what == "freeze") {
    every_process(SIGSTOP);
    say({{"frozen", true}});
  } else if (what == "thaw") {
    if (order.at("cut").as_bool()) cut_connections(all_is_ours_ ? all_processes() : descendants(::getpid()));
    every_process(SIGCONT);
    say({{"thawed", true}});
  } else if (what == "exec") {
    start_exec(order.at("id").to_number<std::uint64_t>(),
               json::value_to<std::vector<std::string>>(order.at("command")), descriptors);
  } else if (what == "kill_exec") {
    for (const auto& [pid, id] : execs_)
      if (id == order.at("id").to_number<std::uint64_t>()) ::kill(-pid, SIGKILL);
  }
}

// False when the emulator has gone.
bool GuestInit::take_message() {
  static std::array<char, kMessageLimitBytes> buffer;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(3 * sizeof(int))> control{};
  iovec part{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t size = ::recvmsg(kControlFd, &message, MSG_CMSG_CLOEXEC);
  if (size < 0 && errno == EINTR) return true;
  if (size <= 0) return false;
  std::array<UniqueFd, 3> descriptors;
  if (const cmsghdr* head = CMSG_FIRSTHDR(&message); head != nullptr && head->cmsg_type == SCM_RIGHTS) {
    std::array<int, 3> numbers{-1, -1, -1};
    std::memcpy(numbers.data(), CMSG_DATA(head),
                std::min<std::size_t>(sizeof numbers, head->cmsg_len - CMSG_LEN(0)));
    for (std::size_t i = 0; i < 3; ++i) descriptors[i] = UniqueFd(numbers[i]);
  }
  obey(json::parse({buffer.data(), static_cast<std::size_t>(size)}).as_object(), descriptors.data());
  return true;
}

void GuestInit::reap() {
  int status = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    if (pid == main_) {
      say({{"exit", status}, {"oom", oom_}});
      over_ = true;
    } else if (const auto exec = execs_.find(pid); exec != execs_.end()) {
      say({{"exec_exit", exec->second}, {"status", status}});
      execs_.erase(exec);
    }
  }
}

// No cgroup is needed for this, so it works for everybody; it is late by at most one check.
void GuestInit::check_memory() {
  if (main_ <= 0) return;
  if (resident_mb(all_is_ours_ ? all_processes() : descendants(::getpid())) <= plan_.memory_mb) return;
  oom_ = true;
  ::kill(main_, SIGKILL);
}

void GuestInit::run() {
  const UniqueFd signals = child_signals();
  start_command();
  std::array<pollfd, 2> ready{{{signals.get(), POLLIN, 0}, {kControlFd, POLLIN, 0}}};
  while (!over_) {
    const int count = ::poll(ready.data(), ready.size(), kMemoryCheckMs);
    if (count == 0) check_memory();
    if (count <= 0) continue;
    if (ready[0].revents != 0) {
      signalfd_siginfo info{};
      while (::read(signals.get(), &info, sizeof info) > 0) {
      }
      reap();
    }
    if (ready[1].revents != 0 && !take_message()) break;
  }
  end_everything();
}

}  // namespace flame::fly
