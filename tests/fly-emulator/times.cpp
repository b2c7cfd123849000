#include "times.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>

namespace flame::fly {

std::int64_t unix_ms() {
  using namespace std::chrono;
  return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string rfc3339(std::int64_t unix_time_ms) {
  const std::time_t seconds = unix_time_ms / 1000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> day{}, out{};
  std::strftime(day.data(), day.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(out.data(), out.size(), "%.19s.%03dZ", day.data(), static_cast<int>(unix_time_ms % 1000));
  return out.data();
}

namespace {
struct Unit {
  std::string_view name;
  double ms;
};
constexpr std::array<Unit, 7> kUnits = {
    {{"ns", 1e-6}, {"us", 1e-3}, {"µs", 1e-3}, {"ms", 1}, {"s", 1e3}, {"m", 60e3}, {"h", 3600e3}}};

// The unit at the front of text: the longest name wins, so that "ms" is not "m".
const Unit* unit_at(std::string_view text) {
  const Unit* best = nullptr;
  for (const Unit& unit : kUnits)
    if (text.starts_with(unit.name) && (best == nullptr || unit.name.size() > best->name.size()))
      best = &unit;
  return best;
}
}  // namespace

std::optional<std::int64_t> parse_go_duration_ms(std::string_view text) {
  if (text.empty()) return std::nullopt;
  if (text == "0") return 0;
  double total = 0;
  while (!text.empty()) {
    double number = 0;
    const auto [end, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
    if (error != std::errc() || !(number >= 0)) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    const Unit* unit = unit_at(text);
    if (unit == nullptr) return std::nullopt;
    total += number * unit->ms;
    text.remove_prefix(unit->name.size());
  }
  if (total > 9e15) return std::nullopt;
  return static_cast<std::int64_t>(total + 0.5);
}

std::string go_duration(std::int64_t ms) {
  if (ms == 0) return "0s";
  if (ms < 1000) return std::to_string(ms) + "ms";
  std::string out;
  if (ms >= 3'600'000) out += std::to_string(ms / 3'600'000) + "h";
  if (ms >= 60'000) out += std::to_string(ms / 60'000 % 60) + "m";
  const std::int64_t rest = ms % 60'000;
  out += std::to_string(rest / 1000);
  if (rest % 1000 != 0) {
    std::array<char, 8> part{};
    std::snprintf(part.data(), part.size(), ".%03d", static_cast<int>(rest % 1000));
    std::string_view digits = part.data();
    while (digits.ends_with('0')) digits.remove_suffix(1);
    out += digits;
  }
  return out + "s";
}

}  // namespace flame::fly
