#include "runner/worker/result_writer.hpp"

#include <algorithm>
#include <array>
#include <boost/json/parse.hpp>
#include <charconv>
#include <cmath>

#include "base/error.hpp"
#include "base/text.hpp"
#include "wire/limits.hpp"

namespace flame::worker {
namespace {
using wire::Kind;

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorKind::bad_result, what); }
}  // namespace

void append_number(std::string& out, double value) {
  if (std::isnan(value))
    out += "\"NaN\"";
  else if (std::isinf(value))
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  else if (value == 0)
    out += '0';  // JavaScript prints -0 as 0
  else {
    // The shortest digits that read back the same, laid out as ECMAScript's Number::toString does.
    std::array<char, 32> buffer{};
    const auto end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
    std::string_view text(buffer.data(), static_cast<std::size_t>(end - buffer.data()));
    if (text.front() == '-') {
      out += '-';
      text.remove_prefix(1);
    }
    const std::size_t e = text.find('e');
    int exponent = 0;
    const char* exponent_text = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
    std::from_chars(exponent_text, text.data() + text.size(), exponent);
    std::string digits(1, text[0]);
    if (e > 2) digits += text.substr(2, e - 2);
    const int count = static_cast<int>(digits.size());
    const int point = exponent + 1;  // digits before the decimal point
    if (point >= count && point <= 21) {
      out += digits;
      out.append(static_cast<std::size_t>(point - count), '0');
    } else if (point > 0 && point <= 21) {
      out.append(digits, 0, static_cast<std::size_t>(point))
          .append(".")
          .append(digits, static_cast<std::size_t>(point));
    } else if (point > -6 && point <= 0) {
      out += "0.";
      out.append(static_cast<std::size_t>(-point), '0').append(digits);
    } else {
      out += digits[0];
      if (count > 1) out.append(".").append(digits, 1);
      out += exponent < 0 ? "e-" : "e+";
      out += std::to_string(std::abs(exponent));
    }
  }
}

void append_json_string(std::string& out, std::string_view valid_utf8) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : valid_utf8) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += digits[static_cast<unsigned char>(c) >> 4];
          out += digits[static_cast<unsigned char>(c) & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

const wire::Type* ResultWriter::expected(std::string_view what) const {
  if (levels_.empty()) {
    if (declared_ == nullptr) bad("wrote " + std::string(what) + "; its signature declares no result");
    if (written_) bad("wrote a second result");
    return declared_;
  }
  const Level& level = levels_.back();
  if (level.type->kind == Kind::array) return &level.type->element.front();
  if (level.member == nullptr) bad("wrote " + std::string(what) + " in a record without a key");
  return level.member;
}

void ResultWriter::place(Kind kind, std::string_view what) {
  const wire::Type* type = expected(what);
  const bool number = type->kind == Kind::f64 && (kind == Kind::i64 || kind == Kind::u64);
  if (type->kind != kind && !number)
    bad("wrote " + std::string(what) + " where " + to_string(*type) + " is declared");
  if (text_.size() > wire::kResultMaxBytes) throw Error(ErrorKind::limit, "a result over the limit");
  if (levels_.empty()) {
    written_ = true;
    return;
  }
  Level& level = levels_.back();
  if (level.type->kind == Kind::array && level.count > 0) text_ += ',';
  ++level.count;
  level.member = nullptr;
}

void ResultWriter::null() {
  const wire::Type* type = expected("null");
  if (!type->optional && type->kind != Kind::json)
    bad("wrote null where " + to_string(*type) + " is declared");
  place(type->kind, "null");
  text_ += "null";
}
void ResultWriter::boolean(bool value) {
  place(Kind::boolean, "bool");
  text_ += value ? "true" : "false";
}
void ResultWriter::i64(std::int64_t value) {
  place(Kind::i64, "i64");
  text_ += std::to_string(value);
}
void ResultWriter::u64(std::uint64_t value) {
  place(Kind::u64, "u64");
  text_ += std::to_string(value);
}
void ResultWriter::f64(double value) {
  place(Kind::f64, "f64");
  append_number(text_, value);
}
void ResultWriter::string(std::string_view text) {
  if (const auto at = first_invalid_utf8(text))
    bad("wrote a string that is not valid UTF-8 at byte " + std::to_string(*at));
  place(Kind::string, "string");
  append_json_string(text_, text);
}
void ResultWriter::bytes(std::string_view data) {
  place(Kind::bytes, "bytes");
  raw_ = levels_.empty();
  if (raw_)
    text_ = data;
  else
    text_.append("\"").append(base64(data)).append("\"");
}
void ResultWriter::json(std::string_view text) {
  boost::system::error_code why;
  (void)boost::json::parse(boost::json::string_view(text.data(), text.size()), why);
  if (why) bad("wrote JSON that is not valid: " + why.message());
  place(Kind::json, "json");
  // One line: a caller reads a result a line.
  const std::size_t from = text_.size();
  text_ += text;
  std::replace(text_.begin() + static_cast<std::ptrdiff_t>(from), text_.end(), '\n', ' ');
}

void ResultWriter::begin_array() {
  const wire::Type* type = expected("an array");
  place(Kind::array, "an array");
  text_ += '[';
  levels_.push_back({type});
}
void ResultWriter::begin_record() {
  const wire::Type* type = expected("a record");
  place(Kind::record, "a record");
  text_ += '{';
  levels_.push_back({type, 0, nullptr, std::vector<bool>(type->fields.size())});
}
void ResultWriter::key(std::string_view name) {
  if (levels_.empty() || levels_.back().type->kind != Kind::record) bad("wrote a key outside of a record");
  Level& level = levels_.back();
  if (level.member != nullptr) bad("wrote two keys in a row");
  for (std::size_t i = 0; i < level.type->fields.size(); ++i) {
    const wire::Field& field = level.type->fields[i];
    if (field.name != name) continue;
    if (level.seen[i]) bad("wrote the key '" + field.name + "' twice");
    level.seen[i] = true;
    level.member = &field.type;
    if (level.count > 0) text_ += ',';
    append_json_string(text_, name);
    text_ += ':';
    return;
  }
  bad("wrote the key '" + printable(name) + "', which its signature does not declare");
}
void ResultWriter::close(Kind kind, char bracket) {
  if (levels_.empty() || levels_.back().type->kind != kind) bad("closed what it had not opened");
  const Level& level = levels_.back();
  if (kind == Kind::record) {
    if (level.member != nullptr) bad("closed a record behind a key");
    for (std::size_t i = 0; i < level.seen.size(); ++i)
      if (!level.seen[i] && !level.type->fields[i].type.optional)
        bad("left out the key '" + level.type->fields[i].name + "'");
  }
  levels_.pop_back();
  text_ += bracket;
}
void ResultWriter::end_array() { close(Kind::array, ']'); }
void ResultWriter::end_record() { close(Kind::record, '}'); }

}  // namespace flame::worker
