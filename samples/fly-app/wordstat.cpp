// Words and lines of a text: bytes in, a record out.
#include <flame/plugin.hpp>

struct Stat {
  std::uint64_t words, lines;
};
FLAME_RECORD(Stat, words, lines)

static Stat count(flame::bytes_view text) {
  Stat out{};
  bool inside = false;
  for (const unsigned char c : text) {
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    out.words += !inside && !space;
    out.lines += c == '\n';
    inside = !space;
  }
  return out;
}

FLAME_PLUGIN("wordstat", "1.0",
             flame::function("count", count, "text").doc("Words and lines of a text.").idempotent())
