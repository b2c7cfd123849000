// A function that streams, and one that takes bytes, in C++.
#include <flame/plugin.hpp>

#include <algorithm>

static char upper_case(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

static void upper(flame::input& in, flame::output& out) {
  static char buffer[64 * 1024];
  while (const auto size = in.read(buffer)) {
    std::transform(buffer, buffer + size, buffer, upper_case);
    out.write(buffer, size);
  }
}

static std::uint64_t word_count(flame::bytes_view text) {
  std::uint64_t words = 0;
  bool inside = false;
  for (const auto c : text) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    words += !inside && !space;
    inside = !space;
  }
  return words;
}

FLAME_PLUGIN(
    "text", "1.0",
    flame::function("upper", upper).doc("Copies its input, ASCII letters in upper case.").idempotent(),
    flame::function("word_count", word_count, "text").doc("Words between white space.").idempotent())
