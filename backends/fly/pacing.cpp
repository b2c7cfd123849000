#include "backends/fly/pacing.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>

#include "backends/fly/pause.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

// A little slower than the limits, for requests arrive closer together than they were sent.
constexpr Rate kAction{1050, 3};
constexpr Rate kLook{210, 10};

const Rate& rate_of(const std::string& action) { return action == "get" ? kLook : kAction; }

std::int64_t now_ms() {
  // One clock for all processes of this computer since it was started.
  return std::chrono::duration_cast<milliseconds>(Clock::now().time_since_epoch()).count();
}

void sleep_for_ms(std::int64_t wait_ms, Deadline deadline, const std::string& action) {
  if (wait_ms <= 0) return;
  if (deadline.earlier(Deadline::in(milliseconds(wait_ms))).at() == deadline.at())
    throw Error(ErrorKind::timed_out,
                "the deadline would pass while waiting for the engine's limit on '" + action + "'");
  pause(milliseconds(wait_ms), deadline);
}

}  // namespace

std::int64_t book(std::int64_t& full_at_ms, std::int64_t now, const Rate& rate) {
  // A clock that was set back (another boot of the computer) must not make anybody wait for days.
  const std::int64_t most = now + rate.interval_ms * rate.burst * 100;
  const std::int64_t full_at = std::clamp(full_at_ms, now, most);
  const std::int64_t wait = std::max<std::int64_t>(0, full_at - now - rate.interval_ms * (rate.burst - 1));
  full_at_ms = full_at + rate.interval_ms;
  return wait;
}

std::int64_t Pacing::book_shared(const std::string& key, const Rate& rate, bool empty) {
  const std::string path = directory_ + "/fly-pace." + hex(sha256(key)).substr(0, 16);
  const UniqueFd fd = open_file(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  if (::flock(fd.get(), LOCK_EX) != 0) throw system_error("cannot lock '" + path + "'", errno);
  std::int64_t full_at = 0;
  if (::pread(fd.get(), &full_at, sizeof full_at, 0) != sizeof full_at) full_at = 0;
  std::int64_t wait = 0;
  if (empty)
    full_at = std::max(full_at, now_ms() + rate.interval_ms * rate.burst);
  else
    wait = book(full_at, now_ms(), rate);
  if (::pwrite(fd.get(), &full_at, sizeof full_at, 0) != sizeof full_at)
    throw system_error("cannot write '" + path + "'", errno);
  return wait;
}

void Pacing::wait_for_app(const std::string& action, const std::string& app, Deadline deadline) {
  sleep_for_ms(book_shared(app + "/" + action, rate_of(action), false), deadline, action);
}

void Pacing::wait_for_machine(const std::string& action, const std::string& machine, Deadline deadline) {
  std::int64_t wait = 0;
  {
    const std::lock_guard lock(mutex_);
    wait = book(own_[machine + "/" + action], now_ms(), rate_of(action));
  }
  sleep_for_ms(wait, deadline, action);
}

void Pacing::spent(const std::string& action, const std::string& app_or_machine, bool of_app) {
  const std::string key = app_or_machine + "/" + action;
  if (of_app) {
    book_shared(key, rate_of(action), true);
    return;
  }
  const std::lock_guard lock(mutex_);
  const Rate& rate = rate_of(action);
  own_[key] = std::max(own_[key], now_ms() + rate.interval_ms * rate.burst);
}

}  // namespace flame::backend::fly
