// What a service tells systemd, by the socket that NOTIFY_SOCKET names (sd_notify(3)). Nothing without one.
#pragma once
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"

namespace flame::cli {

class ServiceNotify {
 public:
  // Takes NOTIFY_SOCKET and WATCHDOG_USEC out of the environment: programs that we start have nothing to say.
  ServiceNotify();

  void ready();
  void status(const std::string& text);  // only when it is another than before
  void stopping();
  void alive(Clock::time_point now);  // when a sign of life is due
  Clock::time_point wake_at() const { return alive_due_; }

 private:
  void send(const std::string& text);

  UniqueFd fd_;
  std::string path_, status_;
  bool ready_ = false;
  milliseconds alive_every_{0};  // 0: nobody watches
  Clock::time_point alive_due_ = Clock::time_point::max();
};

}  // namespace flame::cli
