// flame/plugin/text.hpp — texts that are made while the plugin compiles. Part of flame/plugin.hpp.
//
// A text is put together twice: once into a counter, which tells its size, once into an array of that size.
//
// SPDX-License-Identifier: MIT
#ifndef FLAME_PLUGIN_TEXT_HPP
#define FLAME_PLUGIN_TEXT_HPP

#include <cstddef>
#include <string_view>

namespace flame::detail {

struct text_counter {
  std::size_t size = 0;
  constexpr void put(char) { ++size; }
  constexpr void put(std::string_view text) { size += text.size(); }
};

// Size bytes and a NUL, and nothing else: one of these is the whole section .flame.manifest.
template <std::size_t Size>
struct static_text {
  char data[Size + 1] = {};
  constexpr std::string_view view() const { return {data, Size}; }
};
struct text_filler {
  char* at;
  constexpr void put(char c) { *at++ = c; }
  // Few steps a character: clang allows a constant a million.
  constexpr void put(std::string_view text) {
    for (const char c : text) *at++ = c;
  }
};

// Writer is a type with `template <class Sink> static constexpr void write(Sink&)`.
template <class Writer>
constexpr auto make_text() {
  constexpr std::size_t size = [] {
    text_counter counter;
    Writer::write(counter);
    return counter.size;
  }();
  static_text<size> text;
  text_filler filler{text.data};
  Writer::write(filler);
  return text;
}

template <class Sink>
constexpr void put_json_string(Sink& sink, std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  sink.put('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      sink.put("\\u00");
      sink.put(digits[byte >> 4]);
      sink.put(digits[byte & 15]);
      continue;
    }
    if (c == '"' || c == '\\') sink.put('\\');
    sink.put(c);
  }
  sink.put('"');
}

// [A-Za-z_][A-Za-z0-9_]*, and dots and dashes behind the first letter if they are allowed; 1 to 128 bytes.
constexpr bool valid_name(std::string_view name, bool dots_and_dashes) {
  if (name.empty() || name.size() > 128) return false;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
    const bool other = (c >= '0' && c <= '9') || (dots_and_dashes && (c == '.' || c == '-'));
    if (!letter && (i == 0 || !other)) return false;
  }
  return true;
}

// RFC 3629, as JSON wants it.
constexpr bool valid_utf8(std::string_view text) {
  std::size_t left = 0;
  unsigned low = 0x80, high = 0xBF;  // what the next byte may be
  for (const char c : text) {
    const unsigned byte = static_cast<unsigned char>(c);
    if (left > 0) {
      if (byte < low || byte > high) return false;
      --left;
      low = 0x80;
      high = 0xBF;
    } else if (byte >= 0x80) {
      if (byte < 0xC2 || byte > 0xF4) return false;
      left = byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
      if (byte == 0xE0) low = 0xA0;
      if (byte == 0xED) high = 0x9F;
      if (byte == 0xF0) low = 0x90;
      if (byte == 0xF4) high = 0x8F;
    }
  }
  return left == 0;
}

}  // namespace flame::detail

#endif
