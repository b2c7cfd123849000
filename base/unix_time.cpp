#include "base/unix_time.hpp"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace flame {

std::uint64_t unix_now_ms() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
}

std::uint64_t unix_age_ms(std::uint64_t then_ms) {
  const std::uint64_t now_ms = unix_now_ms();
  return now_ms < then_ms ? 0 : now_ms - then_ms;
}

std::string utc_timestamp(std::uint64_t unix_ms) {
  const auto seconds = static_cast<std::time_t>(unix_ms / 1000);
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 40> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text.data() + length, text.size() - length, ".%03dZ", static_cast<int>(unix_ms % 1000));
  return text.data();
}

}  // namespace flame
