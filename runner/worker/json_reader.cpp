#include "runner/worker/json_reader.hpp"

#include "base/text.hpp"
#include "wire/limits.hpp"

namespace flame::worker {
namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

void append_utf8(std::string& out, unsigned code) {
  const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
  const auto tail = [&](unsigned shift) { put(0x80 | (code >> shift & 0x3F)); };
  if (code < 0x80) {
    put(code);
  } else if (code < 0x800) {
    put(0xC0 | code >> 6);
    tail(0);
  } else if (code < 0x10000) {
    put(0xE0 | code >> 12);
    tail(6), tail(0);
  } else {
    put(0xF0 | code >> 18);
    tail(12), tail(6), tail(0);
  }
}

}  // namespace

JsonReader::JsonReader(std::string_view text) : text_(text) {
  if (const auto bad = first_invalid_utf8(text))
    throw JsonError{"it is not valid UTF-8 at byte " + std::to_string(*bad)};
}

void JsonReader::fail(const char* why) const {
  if (at_ >= text_.size()) throw JsonError{"it ends too early, at byte " + std::to_string(at_)};
  throw JsonError{std::string(why) + " at byte " + std::to_string(at_)};
}

char JsonReader::peek() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
    ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonReader::take(char mark) {
  if (peek() != mark) return false;
  ++at_;
  return true;
}

void JsonReader::expect(char mark) {
  const char why[] = {'n', 'o', ' ', '\'', mark, '\'', '\0'};
  if (!take(mark)) fail(why);
}

void JsonReader::end() {
  if (peek() != '\0' || at_ < text_.size()) fail("something follows the value,");
}

void JsonReader::word(std::string_view text) {
  if (text_.substr(at_, text.size()) != text) fail("no value");
  at_ += text.size();
}

bool JsonReader::take_null() {
  if (peek() != 'n') return false;
  word("null");
  return true;
}

bool JsonReader::boolean() {
  const bool on = peek() == 't';
  word(on ? "true" : "false");
  return on;
}

std::size_t JsonReader::skip_digits() {
  const std::size_t from = at_;
  while (at_ < text_.size() && digit(text_[at_])) ++at_;
  if (at_ == from) fail("no digit");
  return at_ - from;
}

std::string_view JsonReader::number() {
  peek();
  const std::size_t from = at_;
  const auto next_is = [&](char a, char b) {
    return at_ < text_.size() && (text_[at_] == a || text_[at_] == b);
  };
  if (next_is('-', '-')) ++at_;
  const bool zero = next_is('0', '0');
  if (skip_digits() > 1 && zero) fail("a number that begins with 0,");
  if (next_is('.', '.')) ++at_, skip_digits();
  if (next_is('e', 'E')) {
    ++at_;
    if (next_is('+', '-')) ++at_;
    skip_digits();
  }
  return text_.substr(from, at_ - from);
}

unsigned JsonReader::four_digits() {
  unsigned code = 0;
  for (int i = 0; i < 4; ++i, ++at_) {
    const char c = at_ < text_.size() ? text_[at_] : '\0';
    if (digit(c))
      code = code * 16 + static_cast<unsigned>(c - '0');
    else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
      code = code * 16 + static_cast<unsigned>((c | 0x20) - 'a') + 10;
    else
      fail("no hex digit");
  }
  return code;
}

void JsonReader::append_escape(std::string& out) {
  constexpr std::string_view marks = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
  const char c = at_ < text_.size() ? text_[at_] : '\0';
  if (const auto found = marks.find(c); c != '\0' && found != std::string_view::npos) {
    out += meanings[found];
    ++at_;
    return;
  }
  if (c != 'u') fail("an unknown escape");
  ++at_;
  unsigned code = four_digits();
  if (code >= 0xD800 && code < 0xE000) {
    // A pair of surrogates is one character; half of one is none.
    if (code >= 0xDC00 || text_.substr(at_, 2) != "\\u") fail("half a surrogate pair");
    at_ += 2;
    const unsigned low = four_digits();
    if (low < 0xDC00 || low >= 0xE000) fail("half a surrogate pair");
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, code);
}

std::string JsonReader::string() {
  expect('"');
  std::string out;
  for (;;) {
    const std::size_t from = at_;
    while (at_ < text_.size() && text_[at_] != '"' && text_[at_] != '\\' &&
           static_cast<unsigned char>(text_[at_]) >= 0x20)
      ++at_;
    out += text_.substr(from, at_ - from);
    if (at_ >= text_.size() || static_cast<unsigned char>(text_[at_]) < 0x20)
      fail("a control character in a string,");
    if (text_[at_++] == '"') return out;
    append_escape(out);
  }
}

void JsonReader::skip_string() {
  std::string unused;
  expect('"');
  for (;; ++at_) {
    if (at_ >= text_.size() || static_cast<unsigned char>(text_[at_]) < 0x20)
      fail("a control character in a string,");
    if (text_[at_] == '"') break;
    if (text_[at_] != '\\') continue;
    ++at_;
    append_escape(unused);
    unused.clear();
    --at_;
  }
  ++at_;
}

void JsonReader::skip_key() {
  skip_string();
  expect(':');
}

void JsonReader::skip_scalar() {
  switch (peek()) {
    case '"':
      return skip_string();
    case 'n':
      return word("null");
    case 't':
    case 'f':
      boolean();
      return;
    default:
      if (peek() != '-' && !digit(peek())) fail("no value");
      number();
  }
}

std::string_view JsonReader::value() {
  peek();
  const std::size_t from = at_;
  std::string open;  // the brackets that are open
  do {
    const char c = peek();
    if (c == '[' || c == '{') {
      if (open.size() == wire::kJsonMaxDepth) fail("more depth than is allowed");
      ++at_;
      open += c;
      if (peek() != (c == '[' ? ']' : '}')) {
        if (c == '{') skip_key();
        continue;
      }
    } else {
      skip_scalar();
    }
    // A value has ended, or an empty array or object is open.
    while (!open.empty() && take(open.back() == '[' ? ']' : '}')) open.pop_back();
    if (open.empty()) break;
    expect(',');
    if (open.back() == '{') skip_key();
  } while (true);
  return text_.substr(from, at_ - from);
}

}  // namespace flame::worker
