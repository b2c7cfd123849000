#include "random.hpp"

#include <array>
#include <string_view>

namespace flame::fly {
namespace {
constexpr std::string_view kCrockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::array<std::string_view, 16> kAdjectives = {
    "aged",  "blue", "calm",  "dark",  "falling", "green",  "little", "long",
    "misty", "old",  "proud", "quiet", "red",     "silent", "wild",   "young"};
constexpr std::array<std::string_view, 16> kNouns = {"bird",  "cloud", "dew",  "field", "fire", "glade",
                                                     "haze",  "leaf",  "moon", "night", "pine", "river",
                                                     "shape", "snow",  "star", "water"};
}  // namespace

std::int64_t Random::between(std::int64_t low, std::int64_t high) {
  return high <= low ? low
                     : low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low + 1)));
}

std::string Random::hex_digits(std::size_t count) {
  std::string out(count, '0');
  for (char& c : out) c = "0123456789abcdef"[below(16)];
  return out;
}

std::string Random::machine_name() {
  return std::string(kAdjectives[below(kAdjectives.size())]) + "-" +
         std::string(kNouns[below(kNouns.size())]) + "-" + std::to_string(1000 + below(9000));
}

std::string Random::ulid(std::int64_t unix_time_ms) {
  std::string out(26, '0');
  auto time = static_cast<std::uint64_t>(unix_time_ms);
  for (std::size_t i = 10; i-- > 0; time >>= 5) out[i] = kCrockford[time & 31];
  for (std::size_t i = 10; i < 26; ++i) out[i] = kCrockford[below(32)];
  return out;
}

}  // namespace flame::fly
