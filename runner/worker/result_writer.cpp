#include "runner/worker/result_writer.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "runner/worker/json_reader.hpp"

namespace flame::worker {
namespace {
using wire::Kind;

[[noreturn]] void bad(const std::string& what) { throw Error(ErrorKind::bad_result, what); }
}  // namespace

void append_json_string(std::string& out, std::string_view valid_utf8) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto plain = [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '"' && c != '\\'; };
  out += '"';
  while (!valid_utf8.empty()) {
    const auto end = std::find_if_not(valid_utf8.begin(), valid_utf8.end(), plain);
    const auto size = static_cast<std::size_t>(end - valid_utf8.begin());
    out += valid_utf8.substr(0, size);
    valid_utf8.remove_prefix(size);
    if (valid_utf8.empty()) break;
    const char c = valid_utf8.front();
    valid_utf8.remove_prefix(1);
    out += '\\';
    if (c == '"' || c == '\\')
      out += c;
    else if (c == '\n' || c == '\r' || c == '\t')
      out += c == '\n' ? 'n' : c == '\r' ? 'r' : 't';
    else
      out.append("u00") +=
          {digits[static_cast<unsigned char>(c) >> 4], digits[static_cast<unsigned char>(c) & 15]};
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

void ResultWriter::room_for(std::uint64_t size) const {
  if (size <= max_bytes_ && text_.size() <= max_bytes_ - size) return;
  throw Error(ErrorKind::limit, "wrote a result of more than " + std::to_string(max_bytes_) + " bytes",
              "write it as a stream");
}

const wire::Type& ResultWriter::place(Kind kind, std::string_view what) {
  const wire::Type* type = expected(what);
  const bool number = type->kind == Kind::f64 && (kind == Kind::i64 || kind == Kind::u64);
  if (type->kind != kind && !number)
    bad("wrote " + std::string(what) + " where " + to_string(*type) + " is declared");
  room_for(64);  // what a number, a bracket and a comma may take
  if (levels_.empty()) {
    written_ = true;
    return *type;
  }
  Level& level = levels_.back();
  if (level.type->kind == Kind::array && level.count > 0) text_ += ',';
  ++level.count;
  level.member = nullptr;
  return *type;
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
  const wire::Type& type = place(Kind::i64, "i64");
  if (type.kind == Kind::f64) return append_number(text_, static_cast<double>(value));
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() >> (64 - type.bits);
  if (value > most || value < -most - 1)
    bad("wrote " + std::to_string(value) + " where " + to_string(type) + " is declared");
  text_ += std::to_string(value);
}
void ResultWriter::u64(std::uint64_t value) {
  const wire::Type& type = place(Kind::u64, "u64");
  if (type.kind == Kind::f64) return append_number(text_, static_cast<double>(value));
  if (value > std::numeric_limits<std::uint64_t>::max() >> (64 - type.bits))
    bad("wrote " + std::to_string(value) + " where " + to_string(type) + " is declared");
  text_ += std::to_string(value);
}
void ResultWriter::f64(double value) {
  const wire::Type& type = place(Kind::f64, "f64");
  if (type.bits == 64) return append_number(text_, value);
  const auto narrow = static_cast<float>(value);
  if (std::isfinite(value) && !std::isfinite(narrow)) {
    std::string shown;
    append_number(shown, value);
    bad("wrote " + shown + " where " + to_string(type) + " is declared");
  }
  append_number(text_, narrow);
}
void ResultWriter::string(std::string_view text) {
  if (const auto at = first_invalid_utf8(text))
    bad("wrote a string that is not valid UTF-8 at byte " + std::to_string(*at));
  place(Kind::string, "string");
  room_for(text.size());
  append_json_string(text_, text);
  room_for(0);
}
void ResultWriter::bytes(std::string_view data) {
  place(Kind::bytes, "bytes");
  raw_ = levels_.empty();
  room_for(data.size());
  if (raw_)
    text_ = data;
  else
    text_.append("\"").append(base64(data)).append("\"");
}
void ResultWriter::json(std::string_view text) {
  try {
    JsonReader reader(text);
    (void)reader.value();
    reader.end();
  } catch (const JsonError& error) {
    bad("wrote JSON that is not valid: " + error.why);
  }
  place(Kind::json, "json");
  room_for(text.size());
  // On one line, for a caller reads a result a line. Inside a string no line can end: all these are white
  // space.
  const std::size_t from = text_.size();
  text_ += text;
  const auto ends_line = [](char c) { return c == '\n' || c == '\r'; };
  std::replace_if(text_.begin() + static_cast<std::ptrdiff_t>(from), text_.end(), ends_line, ' ');
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
