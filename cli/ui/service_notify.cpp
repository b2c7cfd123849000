#include "cli/ui/service_notify.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

namespace flame::cli {
namespace {

std::string take_variable(const char* name) {
  const char* value = std::getenv(name);
  std::string out = value != nullptr ? value : "";
  ::unsetenv(name);
  return out;
}

}  // namespace

ServiceNotify::ServiceNotify() : path_(take_variable("NOTIFY_SOCKET")) {
  const std::string usec = take_variable("WATCHDOG_USEC"), pid = take_variable("WATCHDOG_PID");
  if (path_.size() < 2 || path_.size() >= sizeof(sockaddr_un::sun_path) ||
      (path_[0] != '/' && path_[0] != '@'))
    return;
  fd_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto microseconds = std::strtoull(usec.c_str(), nullptr, 10);
  if (microseconds == 0 || (!pid.empty() && pid != std::to_string(::getpid()))) return;
  alive_every_ = milliseconds(std::max<std::uint64_t>(microseconds / 1000 / 2, 1));
  alive_due_ = Clock::now();
}

void ServiceNotify::send(const std::string& text) {
  if (!fd_) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.data(), path_.size());
  if (path_[0] == '@') address.sun_path[0] = '\0';  // the abstract namespace
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path_.size());
  (void)::sendto(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&address), size);
}

void ServiceNotify::ready() {
  if (!std::exchange(ready_, true)) send("READY=1");
}

void ServiceNotify::status(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  if (line == status_) return;
  status_ = std::move(line);
  send("STATUS=" + status_);
}

void ServiceNotify::stopping() { send("STOPPING=1"); }

void ServiceNotify::alive(Clock::time_point now) {
  if (now < alive_due_) return;
  alive_due_ = now + alive_every_;
  send("WATCHDOG=1");
}

}  // namespace flame::cli
