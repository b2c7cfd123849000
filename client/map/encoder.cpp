#include "client/map/encoder.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

using wire::ArgumentKind;

Error bad(const std::string& what) { return Error(ErrorKind::bad_arguments, what); }

bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string replaced(std::string_view word, const std::string& token, std::string_view item) {
  std::string out;
  for (std::size_t at = 0;;) {
    const std::size_t found = word.find(token, at);
    out += word.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += item;
    at = found + token.size();
  }
}

}  // namespace

ArgumentEncoder::ArgumentEncoder(ItemFormat format, const std::vector<CallArgument>& fixed,
                                 const std::string& token)
    : format_(format), token_(token), fixed_(fixed) {
  std::size_t whole = 0, part = 0;
  for (const CallArgument& argument : fixed) {
    const bool text = argument.kind != ArgumentKind::bytes && !token.empty();
    const bool is_whole = text && argument.value == token;
    if (text && !is_whole && argument.value.find(token) != std::string::npos) ++part;
    whole += is_whole ? 1 : 0;
    if (is_whole) continue;
    ++fixed_count_;
    wire::append_argument(whole == 0 ? before_ : behind_, argument.kind, argument.value);
  }
  if (token.empty()) return;
  if (format == ItemFormat::csv)
    throw Error(ErrorKind::usage, "-I cannot be used with --from csv: columns go to parameters by name");
  if (whole + part == 0)
    throw Error(ErrorKind::usage, "'" + token + "' (-I) is in none of the function's words",
                "put it where the item belongs");
  inside_words_ = part > 0 || whole > 1;
  if (inside_words_ && format != ItemFormat::lines)
    throw Error(ErrorKind::usage,
                "'" + token + "' (-I) must be one whole word, once, with --from json and --from files");
}

void ArgumentEncoder::set_columns(std::string_view header, const wire::Signature& signature) {
  const std::vector<std::string> names = csv_fields(header);
  column_count_ = names.size();
  for (std::size_t i = fixed_count_; i < signature.parameters.size(); ++i) {
    const wire::Field& parameter = signature.parameters[i];
    const auto found = std::find(names.begin(), names.end(), parameter.name);
    if (found != names.end()) {
      columns_.emplace_back(static_cast<std::size_t>(found - names.begin()));
      continue;
    }
    if (!parameter.type.optional) {
      const auto near = nearest(parameter.name, names);
      throw Error(
          ErrorKind::usage, "the CSV header has no column '" + parameter.name + "'",
          near ? "did you mean '" + *near + "'?" : "columns are named like the function's parameters");
    }
    columns_.emplace_back(std::nullopt);
  }
}

std::uint32_t ArgumentEncoder::append(std::string& out, std::string_view item) const {
  if (format_ == ItemFormat::csv) return append_csv(out, item);
  if (inside_words_) return append_replaced(out, item);
  if (format_ == ItemFormat::json) return append_json(out, item);
  out += before_;
  wire::append_argument(out, ArgumentKind::word, item);
  out += behind_;
  return fixed_count_ + 1;
}

std::uint32_t ArgumentEncoder::append_json(std::string& out, std::string_view item) const {
  const auto elements = json_elements(item);
  out += before_;
  if (elements)
    for (const std::string_view element : *elements) wire::append_argument(out, ArgumentKind::json, element);
  else
    wire::append_argument(out, ArgumentKind::json, trimmed(item));
  out += behind_;
  return fixed_count_ + (elements ? static_cast<std::uint32_t>(elements->size()) : 1);
}

std::uint32_t ArgumentEncoder::append_csv(std::string& out, std::string_view item) const {
  const std::vector<std::string> fields = csv_fields(item);
  if (fields.size() != column_count_)
    throw bad("the record has " + std::to_string(fields.size()) + " fields, the header has " +
              std::to_string(column_count_));
  out += before_;
  for (const auto& column : columns_)
    if (column)
      wire::append_argument(out, ArgumentKind::word, fields[*column]);
    else
      wire::append_argument(out, ArgumentKind::json, "null");
  return fixed_count_ + static_cast<std::uint32_t>(columns_.size());
}

std::uint32_t ArgumentEncoder::append_replaced(std::string& out, std::string_view item) const {
  for (const CallArgument& argument : fixed_)
    wire::append_argument(
        out, argument.kind,
        argument.kind == ArgumentKind::bytes ? argument.value : replaced(argument.value, token_, item));
  return static_cast<std::uint32_t>(fixed_.size());
}

std::string ArgumentEncoder::identity() const {
  std::string out(1, static_cast<char>('0' + static_cast<int>(format_)));
  wire::append_argument(out, ArgumentKind::word, token_);
  for (const CallArgument& argument : fixed_) wire::append_argument(out, argument.kind, argument.value);
  return out;
}

std::vector<std::string> csv_fields(std::string_view record) {
  if (record.ends_with('\r')) record.remove_suffix(1);
  std::vector<std::string> fields(1);
  bool quoted = false, closed = false;
  for (std::size_t i = 0; i < record.size(); ++i) {
    const char c = record[i];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (i + 1 < record.size() && record[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = false;
        closed = true;
      }
    } else if (c == ',') {
      fields.emplace_back();
      closed = false;
    } else if (closed) {
      throw bad("text behind a closing quote in field " + std::to_string(fields.size()));
    } else if (c == '"') {
      if (!fields.back().empty()) throw bad("a quote inside field " + std::to_string(fields.size()));
      quoted = true;
    } else {
      fields.back() += c;
    }
  }
  if (quoted) throw bad("a quote in field " + std::to_string(fields.size()) + " is not closed");
  return fields;
}

std::optional<std::vector<std::string_view>> json_elements(std::string_view text) {
  text = trimmed(text);
  if (!text.starts_with('[')) return std::nullopt;
  if (text.size() < 2 || !text.ends_with(']')) throw bad("the JSON array does not end");
  text = text.substr(1, text.size() - 2);
  std::vector<std::string_view> out;
  if (trimmed(text).empty()) return out;
  std::size_t from = 0, depth = 0;
  bool string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (string) {
      if (c == '\\') ++i;
      if (c == '"') string = false;
      continue;
    }
    if (c == '"') string = true;
    if (c == '[' || c == '{') ++depth;
    if (c == ']' || c == '}') {
      if (depth == 0) throw bad("the JSON array has text behind its end");
      --depth;
    }
    if (c == ',' && depth == 0) {
      out.push_back(trimmed(text.substr(from, i - from)));
      from = i + 1;
    }
  }
  out.push_back(trimmed(text.substr(from)));
  return out;
}

}  // namespace flame::client
