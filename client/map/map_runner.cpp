#include "client/map/map_runner.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/plain_why.hpp"

namespace flame::client {

MapRunner::MapRunner(std::unique_ptr<Link> from)
    : link(std::move(from)), depth(1, 1), ready_since(Clock::now()) {
  try {
    const auto hello = boost::json::parse(link->hello());
    name = boost::json::value_to<std::string>(hello.at("runner"));
    slots = std::max(1U, hello.at("slots").to_number<std::uint32_t>());
    credit = std::max(1U, hello.at("credit").to_number<std::uint32_t>());
    draining = hello.at("draining").as_bool();
  } catch (const std::exception& error) {
    throw Error(ErrorKind::protocol, "the runner's hello cannot be read: " + plain_why(error));
  }
  window_bytes = link->window_bytes();
  link->outlive_losses();
  depth = Depth(slots, credit);
}

void MapRunner::send_pending() {
  if (link->is_lost()) return;
  if (std::exchange(times_resumed, link->times_resumed()) != link->times_resumed()) ++round;
  const bool more = !pending.empty();
  if (more) link->queue(pending);
  pending.clear();
  link->flush();  // a message that did not leave whole is not acted upon
  if (more && !link->is_lost()) ++round;
}

void MapRunner::count_busy(Clock::time_point now) {
  if (busy_at != Clock::time_point())
    busy_seconds += std::chrono::duration<double>(now - busy_at).count() * std::min(in_flight, slots);
  busy_at = now;
}

double MapRunner::expected_wait() const {
  if (in_flight < slots) return 0;
  const double ahead = in_flight - slots + 1;
  return depth.per_second() > 0 ? ahead / depth.per_second() : ahead * 1e-3;
}

}  // namespace flame::client
