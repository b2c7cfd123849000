#include "client/link/farewell.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <ctime>

namespace flame::client {
namespace {

constexpr std::size_t kPlaceCount = 1024;  // whoever has more links is not so quick to leave
constexpr std::int64_t kPatienceMs = 250;

// A descriptor and one more; 0: free.
constinit std::array<std::atomic<int>, kPlaceCount> places{};

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

bool is_closed(int fd) {
  std::array<char, 16 * 1024> dropped;
  ssize_t n;
  do n = ::recv(fd, dropped.data(), dropped.size(), MSG_DONTWAIT);
  while (n > 0);
  return n == 0 || (errno != EAGAIN && errno != EINTR);
}

void await_closes(pollfd* links, nfds_t count) {
  const std::int64_t until = now_ms() + kPatienceMs;
  for (std::int64_t left; count > 0 && (left = until - now_ms()) > 0;) {
    (void)::poll(links, count, static_cast<int>(left));
    for (nfds_t i = 0; i < count;)
      if (is_closed(links[i].fd))
        links[i] = links[--count];
      else
        ++i;
  }
}

}  // namespace

void say_farewell() noexcept {
  const int kept = errno;
  std::array<pollfd, kPlaceCount> links;
  nfds_t count = 0;
  for (const auto& place : places) {
    const int fd = place.load(std::memory_order_relaxed) - 1;
    if (fd < 0) continue;
    (void)::send(fd, kCloseMessage.data(), kCloseMessage.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    links[count++] = {fd, POLLIN, 0};
  }
  await_closes(links.data(), count);
  errno = kept;
}

void await_close(int fd) noexcept {
  pollfd link = {fd, POLLIN, 0};
  await_closes(&link, 1);
}

void FarewellTo::remember(int fd) {
  forget();
  for (std::size_t i = 0; i < places.size(); ++i) {
    int free = 0;
    if (!places[i].compare_exchange_strong(free, fd + 1)) continue;
    place_ = static_cast<int>(i);
    return;
  }
}

void FarewellTo::forget() {
  if (place_ >= 0) places[static_cast<std::size_t>(place_)].store(0);
  place_ = -1;
}

}  // namespace flame::client
