// Seeded chance: one seed gives the same ids, names, delays and faults again.
#pragma once
#include <cstdint>
#include <random>
#include <string>

namespace flame::fly {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : engine_() % bound; }
  double unit() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  bool chance(double probability) { return unit() < probability; }
  std::int64_t between(std::int64_t low, std::int64_t high);

  std::string hex_digits(std::size_t count);
  std::string machine_id() { return hex_digits(14); }
  std::string machine_name();                   // adjective-noun-number
  std::string ulid(std::int64_t unix_time_ms);  // 26 characters, ordered by time

 private:
  std::mt19937_64 engine_;
};

}  // namespace flame::fly
