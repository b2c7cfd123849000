#include "limits.hpp"

#include <algorithm>

namespace flame::fly {

double Limits::level(const Bucket& bucket, Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - bucket.filled).count();
  return std::min(bucket.rate.burst, bucket.tokens + seconds * bucket.rate.per_second);
}

bool Limits::admit(std::string_view action, std::string_view identifier, Rate rate, Clock::time_point now) {
  if (buckets_.size() > kMostBuckets) forget_full(now);
  const auto key = std::make_pair(std::string(action), std::string(identifier));
  Bucket& bucket = buckets_.try_emplace(key, Bucket{rate.burst, now, rate}).first->second;
  bucket.tokens = level(bucket, now);
  bucket.filled = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

// Whoever asks for many ids that do not exist must not fill the memory.
void Limits::forget_full(Clock::time_point now) {
  std::erase_if(buckets_,
                [&](const auto& entry) { return level(entry.second, now) >= entry.second.rate.burst; });
}

}  // namespace flame::fly
