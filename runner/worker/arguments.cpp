#include "runner/worker/arguments.hpp"

#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"
#include "runner/worker/number_text.hpp"

namespace flame::worker {
namespace {

using wire::Kind;
using wire::Type;

// What a value was instead of what was wanted; each level that it leaves adds where it stood.
struct Mismatch {
  std::string given;
  std::string wanted = {};  // a type
  std::string place = {};   // "[3].x"
};

std::string quoted(std::string_view text) {
  constexpr std::size_t shown = 60;
  if (text.size() <= shown) return "'" + printable(text) + "'";
  std::size_t end = shown;  // not in the middle of a character
  while (end > shown - 3 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return "'" + printable(text.substr(0, end)) + "…'";
}

flame_value scalar(std::uint32_t kind) {
  flame_value value{};
  value.kind = kind;
  return value;
}

void check(NumberFault fault, std::string_view given) {
  if (fault == NumberFault::malformed) throw Mismatch{quoted(given)};
  if (fault == NumberFault::out_of_range) throw Mismatch{quoted(given) + ", which is out of range"};
}

std::int64_t i64_from(std::string_view text, const Type& type) {
  std::int64_t value = 0;
  check(read_i64(text, value), text);
  const std::int64_t most = std::numeric_limits<std::int64_t>::max() >> (64 - type.bits);
  if (value > most || value < -most - 1) check(NumberFault::out_of_range, text);
  return value;
}
std::uint64_t u64_from(std::string_view text, const Type& type) {
  std::uint64_t value = 0;
  check(read_u64(text, value), text);
  if (value > std::numeric_limits<std::uint64_t>::max() >> (64 - type.bits))
    check(NumberFault::out_of_range, text);
  return value;
}
double f64_from(std::string_view text, const Type& type, bool words) {
  double value = 0;
  check(read_f64(text, words, value), text);
  if (type.bits == 64) return value;
  const auto narrow = static_cast<float>(value);
  if (std::isfinite(value) && !std::isfinite(narrow)) check(NumberFault::out_of_range, text);
  return static_cast<double>(narrow);
}

flame_value number_from(std::string_view text, const Type& type, bool words) {
  flame_value out{};
  if (type.kind == Kind::i64) {
    out = scalar(FLAME_I64);
    out.as.i64 = i64_from(text, type);
  } else if (type.kind == Kind::u64) {
    out = scalar(FLAME_U64);
    out.as.u64 = u64_from(text, type);
  } else {
    out = scalar(FLAME_F64);
    out.as.f64 = f64_from(text, type, words);
  }
  return out;
}
flame_value boolean(bool on) {
  flame_value value = scalar(FLAME_BOOL);
  value.as.u64 = on ? 1 : 0;
  return value;
}
flame_value bytes(std::string_view data) {
  flame_value out = scalar(FLAME_BYTES);
  out.count = data.size();
  out.as.bytes = reinterpret_cast<const std::uint8_t*>(data.data());
  return out;
}

[[noreturn]] void mismatch(JsonReader& json) { throw Mismatch{quoted(json.value())}; }

// The text of a number that stands next. JSON has no NaN and no infinity: they travel as strings, both ways.
std::string next_number(JsonReader& json, const Type& type) {
  const char first = json.peek();
  if (first == '-' || (first >= '0' && first <= '9')) return std::string(json.number());
  if (first != '"' || type.kind != Kind::f64) mismatch(json);
  std::string word = json.string();
  if (word != "NaN" && word != "Infinity" && word != "-Infinity") throw Mismatch{quoted("\"" + word + "\"")};
  return word;
}

// Calls read for each item of the array that stands next.
template <class Read>
void each_item(JsonReader& json, const Type& element, Read read) {
  if (json.peek() != '[') mismatch(json);
  json.expect('[');
  if (json.take(']')) return;
  std::size_t index = 0;
  do {
    try {
      read();
    } catch (Mismatch& wrong) {
      if (wrong.wanted.empty()) wrong.wanted = wire::to_string(element);
      wrong.place.insert(0, "[" + std::to_string(index) + "]");
      throw;
    }
    ++index;
  } while (json.take(','));
  json.expect(']');
}

std::string plural(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " argument" : " arguments");
}

// The texts of the values in the one JSON array that holds all arguments.
std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> out;
  JsonReader json(text);
  if (json.peek() != '[') throw JsonError{"it is not an array"};
  json.expect('[');
  if (!json.take(']')) {
    do out.push_back(json.value());
    while (json.take(','));
    json.expect(']');
  }
  json.end();
  return out;
}

}  // namespace

Arguments::Arguments(std::string_view function, const wire::Signature& signature, std::uint32_t count,
                     std::string list)
    : function_(function), list_(std::move(list)) {
  char* at = list_.data();
  char* const end = at + list_.size();
  std::vector<wire::Argument> given;
  for (std::uint32_t i = 0; i < count; ++i) given.push_back(wire::take_argument(at, end));
  if (at != end) throw Error(ErrorKind::protocol, "bytes behind the last argument");
  if (count == 1 && given[0].kind == wire::ArgumentKind::json_array) {
    try {
      const auto texts = split(given[0].value);
      given.clear();
      for (const auto text : texts) given.push_back({wire::ArgumentKind::json, text});
    } catch (const JsonError& error) {
      throw Error(ErrorKind::bad_arguments,
                  std::string(function) + ": the arguments are not a JSON array: " + error.why);
    }
  }
  check_count(signature, given.size());
  const auto& wanted = signature.parameters;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    try {
      values_.push_back(i < given.size() ? from_argument(given[i], wanted[i].type) : scalar(FLAME_NULL));
    } catch (const Mismatch& wrong) {
      const std::string type = wrong.wanted.empty() ? wire::to_string(wanted[i].type) : wrong.wanted;
      throw Error(ErrorKind::bad_arguments, std::string(function) + ": parameter '" + wanted[i].name +
                                                wrong.place + "' wants " + type + ", got " + wrong.given);
    }
  }
}

void Arguments::check_count(const wire::Signature& signature, std::size_t given) const {
  const auto& wanted = signature.parameters;
  std::size_t least = wanted.size();
  while (least > 0 && wanted[least - 1].type.optional) --least;
  if (given >= least && given <= wanted.size()) return;
  std::string names;
  for (const auto& parameter : wanted)
    names += (names.empty() ? " (" : ", ") + parameter.name + ": " + wire::to_string(parameter.type);
  throw Error(ErrorKind::bad_arguments, std::string(function_) + ": takes " +
                                            (least == wanted.size() ? "" : std::to_string(least) + " to ") +
                                            plural(wanted.size()) + names + (names.empty() ? "" : ")") +
                                            ", got " + std::to_string(given));
}

flame_value Arguments::text(std::uint32_t kind, std::string value) {
  flame_value out = scalar(kind);
  const std::string& kept = texts_.emplace_back(std::move(value));
  out.count = kept.size();
  out.as.text = kept.c_str();
  return out;
}

flame_value Arguments::from_argument(const wire::Argument& argument, const Type& type) {
  switch (argument.kind) {
    case wire::ArgumentKind::word:
    case wire::ArgumentKind::bytes:  // a file for another parameter than bytes: its text is the word
      return from_word(argument.value, type);
    case wire::ArgumentKind::json:
      return from_json_text(argument.value, type);
    case wire::ArgumentKind::json_array:
      break;
  }
  throw Mismatch{"a list of arguments"};
}

flame_value Arguments::from_word(std::string_view word, const Type& type) {
  // A word for a string is that string, also "null": a null goes there as JSON.
  if (type.optional && word == "null" && type.kind != Kind::string && type.kind != Kind::bytes)
    return scalar(FLAME_NULL);
  switch (type.kind) {
    case Kind::boolean:
      if (word != "true" && word != "false") throw Mismatch{quoted(word)};
      return boolean(word == "true");
    case Kind::i64:
    case Kind::u64:
    case Kind::f64:
      return number_from(word, type, true);
    case Kind::string:
      if (const auto bad = first_invalid_utf8(word))
        throw Mismatch{quoted(word) + ", which is not valid UTF-8 at byte " + std::to_string(*bad)};
      return text(FLAME_STRING, std::string(word));
    case Kind::bytes:
      return bytes(word);
    case Kind::json:
    case Kind::array:
    case Kind::record:
      break;
  }
  return from_json_text(word, type);
}

flame_value Arguments::from_json_text(std::string_view text, const Type& type) {
  try {
    JsonReader json(text);
    const flame_value out = from_json(json, type);
    json.end();
    return out;
  } catch (const JsonError& error) {
    throw Mismatch{quoted(text) + ", which is not JSON: " + error.why};
  }
}

flame_value Arguments::from_json(JsonReader& json, const Type& type) {
  if (type.optional && json.take_null()) return scalar(FLAME_NULL);
  switch (type.kind) {
    case Kind::boolean:
      if (json.peek() != 't' && json.peek() != 'f') mismatch(json);
      return boolean(json.boolean());
    case Kind::i64:
    case Kind::u64:
    case Kind::f64:
      return number_from(next_number(json, type), type, true);
    case Kind::string:
      if (json.peek() != '"') mismatch(json);
      return text(FLAME_STRING, json.string());
    case Kind::bytes: {
      if (json.peek() != '"') mismatch(json);
      const std::string coded = json.string();
      auto plain = from_base64(coded);
      if (!plain) throw Mismatch{quoted(coded) + ", which is not base64"};
      return text(FLAME_BYTES, std::move(*plain));
    }
    case Kind::json:
      return text(FLAME_JSON, std::string(json.value()));
    case Kind::array:
      return from_array(json, type.element.front());
    case Kind::record:
      break;
  }
  return from_record(json, type);
}

flame_value Arguments::from_array(JsonReader& json, const Type& element) {
  flame_value out = scalar(FLAME_ARRAY);
  const auto fill = [&](auto& store, std::uint32_t kind, auto convert) {
    auto& items = store.emplace_back();
    each_item(json, element, [&] { items.push_back(convert()); });
    out.kind = kind;
    out.count = items.size();
    return items.data();
  };
  const auto number = [&] { return next_number(json, element); };
  if (element.kind == Kind::i64 && !element.optional)
    out.as.i64s = fill(i64s_, FLAME_I64_ARRAY, [&] { return i64_from(number(), element); });
  else if (element.kind == Kind::u64 && !element.optional)
    out.as.u64s = fill(u64s_, FLAME_U64_ARRAY, [&] { return u64_from(number(), element); });
  else if (element.kind == Kind::f64 && !element.optional)
    out.as.f64s = fill(f64s_, FLAME_F64_ARRAY, [&] { return f64_from(number(), element, true); });
  else
    out.as.items = fill(items_, FLAME_ARRAY, [&] { return from_json(json, element); });
  return out;
}

flame_value Arguments::from_record(JsonReader& json, const Type& type) {
  if (json.peek() != '{') mismatch(json);
  json.expect('{');
  auto& items = items_.emplace_back(type.fields.size(), scalar(FLAME_NULL));
  std::vector<bool> seen(type.fields.size());
  bool more = !json.take('}');
  while (more) {
    const std::string key = json.string();
    json.expect(':');
    std::size_t i = 0;
    while (i < type.fields.size() && type.fields[i].name != key) ++i;
    if (i == type.fields.size()) throw Mismatch{"the unknown field " + quoted(key)};
    if (seen[i]) throw Mismatch{"the field " + quoted(key) + " twice"};
    seen[i] = true;
    try {
      items[i] = from_json(json, type.fields[i].type);
    } catch (Mismatch& wrong) {
      if (wrong.wanted.empty()) wrong.wanted = wire::to_string(type.fields[i].type);
      wrong.place.insert(0, "." + type.fields[i].name);
      throw;
    }
    more = json.take(',');
    if (!more) json.expect('}');
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    if (!seen[i] && !type.fields[i].type.optional)
      throw Mismatch{"a record without '" + type.fields[i].name + "'"};
  flame_value out = scalar(FLAME_RECORD);
  out.count = items.size();
  out.as.items = items.data();
  return out;
}

}  // namespace flame::worker
