#include "cli/ui/stop_signals.hpp"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "client/link/farewell.hpp"

namespace flame::cli {
namespace {

constexpr std::array kStopSignals = {SIGINT, SIGTERM, SIGHUP};
volatile sig_atomic_t first_signal = 0;
int wake_fd = -1;

void on_signal(int number) {
  if (first_signal != 0 || number == SIGPIPE) {
    client::say_farewell();
    ::signal(number, SIG_DFL);
    ::raise(number);  // blocked until this handler returns, and then it ends us
    return;
  }
  first_signal = number;
  const int kept = errno;
  const std::uint64_t one = 1;
  (void)!::write(wake_fd, &one, sizeof one);
  errno = kept;
}

volatile sig_atomic_t alarmed = 0;
void on_alarm(int) { alarmed = 1; }  // mainly to interrupt a write

// Returns what was there before.
struct sigaction handle(int number, void (*handler)(int)) {
  struct sigaction action {
  }, before{};
  action.sa_handler = handler;  // no SA_RESTART: a write to a pipe that nobody empties must come back
  ::sigaction(number, &action, &before);
  return before;
}

// One that our caller ignores (nohup) stays ignored.
void handle_unless_ignored(int number) {
  const struct sigaction before = handle(number, on_signal);
  if (before.sa_handler == SIG_IGN) ::sigaction(number, &before, nullptr);
}

// The alarm is ours, whatever our caller did with his: some ignore or block it.
void take_alarm() {
  handle(SIGALRM, on_alarm);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGALRM);
  ::sigprocmask(SIG_UNBLOCK, &set, nullptr);
}

}  // namespace

void catch_stop_signals(Deadline deadline) {
  if (wake_fd < 0) wake_fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (const int number : kStopSignals) handle_unless_ignored(number);
  if (deadline.unlimited()) return;
  take_alarm();
  // Again and again: one that came just before the write began would be lost.
  const auto ms = static_cast<std::int64_t>(deadline.remaining_ms() + 100);
  const itimerval timer = {{0, 100'000}, {ms / 1000, ms % 1000 * 1000}};
  ::setitimer(ITIMER_REAL, &timer, nullptr);
}

void release_stop_signals() {
  for (const int number : kStopSignals) {
    struct sigaction now {};
    ::sigaction(number, nullptr, &now);
    if (now.sa_handler == on_signal) ::signal(number, SIG_DFL);  // else it is ignored
  }
  die_of_stop_signal();
}

void catch_broken_pipe() { handle_unless_ignored(SIGPIPE); }
bool stop_asked() { return first_signal != 0; }
bool alarm_passed() { return alarmed != 0; }
int stop_wake_fd() { return wake_fd; }

void die_of_stop_signal() {
  const int number = first_signal;
  if (number == 0) return;
  ::signal(number, SIG_DFL);
  ::raise(number);
}

}  // namespace flame::cli
