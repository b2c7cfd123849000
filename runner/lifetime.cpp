#include "runner/lifetime.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <utility>

#include "runner/log.hpp"

namespace flame::runner {
using boost::system::error_code;

namespace {

constexpr bool allowed(Lifetime::State from, Lifetime::State to) {
  using enum Lifetime::State;
  switch (from) {
    case serving:
      return to == draining;
    case draining:
      return to == leaving;
    case leaving:
      return false;
  }
  return false;
}

constexpr std::string_view name(Lifetime::State state) {
  constexpr std::array<std::string_view, 3> names = {"serving", "draining", "leaving"};
  return names[static_cast<std::size_t>(state)];
}

}  // namespace

Lifetime::Lifetime(boost::asio::io_context& loop, const Options& options, Duties& duties)
    : loop_(loop),
      options_(options),
      duties_(duties),
      signals_(loop, SIGTERM, SIGINT),
      idle_(loop),
      limit_(loop),
      watch_(loop) {}

void Lifetime::start() {
  await_signal();
  await_max_lifetime();
  watch_address();
  active();
  await_idle();
}

void Lifetime::set_state(State to, std::string_view reason) {
  if (!allowed(state_, to)) return;
  log(LogLevel::info, name(to), {{"reason", reason}, {"was", name(state_)}});
  state_ = to;
}

void Lifetime::await_signal() {
  signals_.async_wait([this](error_code failed, int) {
    if (failed) return;
    if (std::exchange(signalled_, true))
      end_now();
    else
      drain("signal");
    await_signal();
  });
}

void Lifetime::await_max_lifetime() {
  if (options_.max_lifetime_ms == 0) return;
  limit_.expires_after(milliseconds(options_.max_lifetime_ms));
  limit_.async_wait([this](error_code failed) {
    if (!failed) drain("max_lifetime");
  });
}

// One timer, looked at again from the last moment of activity, so that a call costs no timer.
void Lifetime::await_idle() {
  if (options_.idle_timeout_ms == 0 || draining()) return;
  const auto due = active_ + milliseconds(options_.idle_timeout_ms);
  if (due <= Clock::now() && !duties_.in_flight()) return drain("idle");
  idle_.expires_at(duties_.in_flight() ? Clock::now() + milliseconds(options_.idle_timeout_ms) : due);
  idle_.async_wait([this](error_code failed) {
    if (!failed) await_idle();
  });
}

// Once its path is removed or taken by another, nobody can find this runner again: its engine is gone.
void Lifetime::watch_address() {
  struct stat status {};
  if (options_.socket_path.empty() || ::stat(options_.socket_path.c_str(), &status) != 0) return;
  device_ = status.st_dev;
  inode_ = status.st_ino;
  const int fd = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
  if (fd < 0) return log(LogLevel::warning, "no_inotify", {{"path", options_.socket_path}});
  watch_.assign(fd);
  ::inotify_add_watch(fd, options_.socket_path.c_str(), IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF);
  check_address();
}

bool Lifetime::path_is_ours() const {
  struct stat status {};
  return inode_ != 0 && ::lstat(options_.socket_path.c_str(), &status) == 0 && status.st_dev == device_ &&
         status.st_ino == inode_;
}

void Lifetime::check_address() {
  if (draining()) return;
  std::array<char, 4096> events;
  while (::read(watch_.native_handle(), events.data(), events.size()) > 0) {
  }
  if (!path_is_ours()) return drain("address_gone");
  watch_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](error_code failed) {
    if (!failed) check_address();
  });
}

void Lifetime::drain(std::string_view reason) {
  if (draining()) return;
  set_state(State::draining, reason);
  idle_.cancel();
  error_code ignored;
  watch_.close(ignored);
  arm_drain_timeout();
  duties_.begin_drain();
  settle();
}

void Lifetime::arm_drain_timeout() {
  limit_.cancel();
  if (options_.drain_timeout_ms == 0) return;
  limit_.expires_after(milliseconds(options_.drain_timeout_ms));
  limit_.async_wait([this](error_code failed) {
    if (!failed) end_now();
  });
}

void Lifetime::end_now() {
  if (state_ != State::draining) return;
  log(LogLevel::warning, "cut");
  duties_.cut();
  settle();
}

void Lifetime::settle() {
  if (state_ != State::draining || duties_.in_flight()) return;
  set_state(State::leaving, "nothing in flight");
  limit_.cancel();
  duties_.leave();
}

}  // namespace flame::runner
