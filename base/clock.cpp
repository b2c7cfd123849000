#include "base/clock.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "base/fd.hpp"

namespace flame {
namespace {
constexpr std::uint64_t kCenturyMs = 100ULL * 365 * 24 * 3600 * 1000;
}

constinit std::atomic<const std::atomic<std::int64_t>*> Clock::behind_ns_{nullptr};

void follow_emulated_clock() {
  const char* path = std::getenv("FLY_EMULATOR_CLOCK");
  if (path == nullptr) return;
  using Behind = std::atomic<std::int64_t>;
  static_assert(sizeof(Behind) == 8 && Behind::is_always_lock_free);
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  struct stat facts {};
  if (!fd || ::fstat(fd.get(), &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_size < 8) return;
  void* page = ::mmap(nullptr, sizeof(Behind), PROT_READ, MAP_SHARED, fd.get(), 0);
  if (page != MAP_FAILED) Clock::behind_ns_ = static_cast<const Behind*>(page);
}

Deadline Deadline::from_remaining_ms(std::uint64_t remaining_ms) {
  Deadline d;
  if (remaining_ms < kCenturyMs) d.at_ = Clock::now() + milliseconds(remaining_ms);
  return d;
}

std::uint64_t Deadline::remaining_ms() const {
  if (unlimited()) return kUnlimitedMs;
  const auto left = std::chrono::ceil<milliseconds>(at_ - Clock::now()).count();
  return left <= 0 ? 0 : static_cast<std::uint64_t>(left);
}

int Deadline::poll_timeout_ms(int cap_ms) const {
  if (unlimited()) return cap_ms == std::numeric_limits<int>::max() ? -1 : cap_ms;
  return static_cast<int>(std::min<std::uint64_t>(remaining_ms(), static_cast<std::uint64_t>(cap_ms)));
}

}  // namespace flame
