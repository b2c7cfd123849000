#include "base/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace flame {
namespace {

// Length of the valid UTF-8 sequence at the front of text; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto continues = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && at(i) >= low && at(i) <= high;
  };
  const unsigned lead = at(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return continues(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
    const unsigned high = lead == 0xED ? 0x9F : 0xBF;
    return continues(1, low, high) && continues(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
    const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
    return continues(1, low, high) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

// Whether the next eight bytes are there, and ASCII: most text is.
bool eight_ascii(std::string_view text, std::size_t at) {
  std::uint64_t word = 0;
  if (text.size() - at < sizeof word) return false;
  std::memcpy(&word, text.data() + at, sizeof word);
  return (word & 0x8080808080808080U) == 0;
}

}  // namespace

std::optional<std::size_t> first_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (eight_ascii(text, at)) {
      at += sizeof(std::uint64_t);
      continue;
    }
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

bool valid_utf8(std::string_view text) { return !first_invalid_utf8(text); }

std::string printable(std::string_view text, bool keep_lines) {
  std::string out;
  out.reserve(text.size());
  const auto escape = [&](unsigned char c) {
    out += "\\x";
    out += kHexDigits[c >> 4];
    out += kHexDigits[c & 15];
  };
  for (std::size_t at = 0; at < text.size();) {
    const auto c = static_cast<unsigned char>(text[at]);
    const std::size_t length = sequence_length(text.substr(at));
    const bool c1_control = length == 2 && c == 0xC2 && static_cast<unsigned char>(text[at + 1]) < 0xA0;
    const bool line = keep_lines && (c == '\n' || c == '\t');
    if (length == 0 || ((c < 0x20 || c == 0x7F) && !line)) {
      escape(c);
      ++at;
    } else if (c1_control) {
      escape(c);
      escape(static_cast<unsigned char>(text[at + 1]));
      at += 2;
    } else {
      out += text.substr(at, length);
      at += length;
    }
  }
  return out;
}

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
  const std::string* best = nullptr;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const auto& candidate : candidates) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = &candidate;
    }
  }
  if (best == nullptr) return std::nullopt;
  return *best;
}

std::string hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    out += kHexDigits[static_cast<unsigned char>(c) >> 4];
    out += kHexDigits[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::string out(text.size() / 2, '\0');
  for (std::size_t i = 0; i < out.size(); ++i) {
    unsigned value = 0;
    const char* first = text.data() + 2 * i;
    const auto [end, error] = std::from_chars(first, first + 2, value, 16);
    if (error != std::errc() || end != first + 2) return std::nullopt;
    out[i] = static_cast<char>(value);
  }
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 3; ++k)
      bits = bits << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += k <= left ? kBase64[bits >> (18 - 6 * k) & 63] : '=';
  }
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    std::size_t pads = 0;
    if (i + 4 == text.size()) pads = text[i + 3] != '=' ? 0 : text[i + 2] != '=' ? 1 : 2;
    std::uint32_t bits = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const std::size_t value = k < 4 - pads ? kBase64.find(text[i + k]) : 0;
      if (value == std::string_view::npos) return std::nullopt;
      bits = bits << 6 | static_cast<std::uint32_t>(value);
    }
    for (std::size_t k = 0; k < 3 - pads; ++k) out += static_cast<char>(bits >> (16 - 8 * k) & 0xFF);
    const std::uint32_t unused = pads == 0 ? 0 : bits & ((1U << (8 * pads)) - 1);
    if (unused != 0) return std::nullopt;  // one text per value
  }
  return out;
}

namespace {
// A number with a unit from a table; nullopt unless all of text is used and the product fits.
struct Unit {
  std::string_view name;
  double factor;
};
template <std::size_t N>
std::optional<std::uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units) {
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc() || !(number >= 0)) return std::nullopt;
  const std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : units) {
    if (unit.name != rest) continue;
    const double value = std::ceil(number * unit.factor);
    if (value >= 9.0e18) return std::nullopt;
    return static_cast<std::uint64_t>(value);
  }
  return std::nullopt;
}
}  // namespace

std::optional<std::uint64_t> parse_duration_ms(std::string_view text) {
  static constexpr std::array<Unit, 6> units = {Unit{"", 1e3}, {"ms", 1},     {"s", 1e3},
                                                {"m", 60e3},   {"h", 3600e3}, {"d", 86400e3}};
  return parse_with_unit(text, units);
}

std::optional<std::uint64_t> parse_size_bytes(std::string_view text) {
  constexpr double k = 1024;
  static constexpr std::array<Unit, 14> units = {Unit{"", 1},
                                                 {"B", 1},
                                                 {"K", k},
                                                 {"KB", k},
                                                 {"KiB", k},
                                                 {"M", k * k},
                                                 {"MB", k * k},
                                                 {"MiB", k * k},
                                                 {"G", k * k * k},
                                                 {"GB", k * k * k},
                                                 {"GiB", k * k * k},
                                                 {"T", k * k * k * k},
                                                 {"TB", k * k * k * k},
                                                 {"TiB", k * k * k * k}};
  return parse_with_unit(text, units);
}

std::string human_duration(std::uint64_t ms) {
  if (ms < 1000) return std::to_string(ms) + " ms";
  std::array<char, 32> buffer{};
  if (ms < 60'000)
    std::snprintf(buffer.data(), buffer.size(), "%.3g s", static_cast<double>(ms) / 1e3);
  else if (ms < 3'600'000)
    std::snprintf(buffer.data(), buffer.size(), "%.3g min", static_cast<double>(ms) / 60e3);
  else
    std::snprintf(buffer.data(), buffer.size(), "%.3g h", static_cast<double>(ms) / 3600e3);
  return buffer.data();
}

}  // namespace flame
