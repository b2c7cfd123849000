#include "client/pool/keep_load.hpp"

#include <algorithm>

namespace flame::client {
namespace {

constexpr std::chrono::seconds kBucket{10};
constexpr std::int64_t kServiceBuckets = 6;

double seconds(Clock::duration span) { return std::chrono::duration<double>(span).count(); }

}  // namespace

std::int64_t KeepLoad::number_of(Clock::time_point now) { return now.time_since_epoch() / kBucket; }

const KeepLoad::Bucket* KeepLoad::bucket(std::int64_t number) const {
  const Bucket& one = buckets_[static_cast<std::size_t>(number) % buckets_.size()];
  return one.number == number ? &one : nullptr;
}

void KeepLoad::saw(const std::string& runner, std::uint64_t ended, std::uint64_t in_flight,
                   std::uint64_t busy, Clock::time_point now) {
  const std::int64_t number = number_of(now);
  Bucket& one = buckets_[static_cast<std::size_t>(number) % buckets_.size()];
  if (one.number != number) one = {number};
  Seen& before = last_[runner];
  // The first answer says what was, not what came; a count that went back is of another runner of that name.
  if (before.at != Clock::time_point() && ended >= before.ended) {
    const double done = static_cast<double>(ended - before.ended);
    one.ended += done;
    one.arrived +=
        std::max(0.0, done + static_cast<double>(in_flight) - static_cast<double>(before.in_flight));
    one.busy_seconds += static_cast<double>(before.busy + busy) / 2 * seconds(now - before.at);
  }
  before = {ended, in_flight, busy, now};
}

double KeepLoad::arrivals_per_second(Clock::time_point now) const {
  const std::int64_t number = number_of(now);
  double arrived = 0;
  for (const std::int64_t n : {number - 1, number})
    if (const Bucket* one = bucket(n)) arrived += one->arrived;
  return arrived / seconds(now - Clock::time_point((number - 1) * kBucket));
}

double KeepLoad::arrivals_peak_per_second(Clock::time_point now) const {
  double most = arrivals_per_second(now);
  for (const Bucket& one : buckets_)
    if (one.number < number_of(now) &&
        one.number > number_of(now) - static_cast<std::int64_t>(buckets_.size()))
      most = std::max(most, one.arrived / seconds(kBucket));
  return most;
}

double KeepLoad::service_seconds(Clock::time_point now) const {
  double ended = 0, busy = 0;
  for (std::int64_t n = number_of(now) - kServiceBuckets; n <= number_of(now); ++n)
    if (const Bucket* one = bucket(n)) {
      ended += one->ended;
      busy += one->busy_seconds;
    }
  return ended > 0 ? busy / ended : 0;
}

}  // namespace flame::client
