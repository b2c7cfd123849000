#include "runner/worker/arguments.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <limits>

#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::worker {
namespace {

using wire::Kind;
using wire::Type;
namespace json = boost::json;

// What a value was instead; turned into an Error with function and parameter by the constructor.
struct Mismatch {
  std::string given;
};

std::string quoted(std::string_view text) {
  const bool cut = text.size() > 60;
  return "'" + printable(text.substr(0, 60)) + (cut ? "…'" : "'");
}

template <class Number>
Number number_from(std::string_view word) {
  Number value{};
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error == std::errc::result_out_of_range) throw Mismatch{quoted(word) + ", which is out of range"};
  if (error != std::errc() || end != word.data() + word.size()) throw Mismatch{quoted(word)};
  return value;
}

flame_value scalar(std::uint32_t kind) {
  flame_value value{};
  value.kind = kind;
  return value;
}
flame_value boolean(bool on) {
  flame_value value = scalar(FLAME_BOOL);
  value.as.u64 = on ? 1 : 0;
  return value;
}
flame_value i64(std::int64_t number) {
  flame_value value = scalar(FLAME_I64);
  value.as.i64 = number;
  return value;
}
flame_value u64(std::uint64_t number) {
  flame_value value = scalar(FLAME_U64);
  value.as.u64 = number;
  return value;
}
flame_value f64(double number) {
  flame_value value = scalar(FLAME_F64);
  value.as.f64 = number;
  return value;
}

std::int64_t json_i64(const json::value& value) {
  if (value.is_int64()) return value.get_int64();
  throw Mismatch{quoted(json::serialize(value))};
}
std::uint64_t json_u64(const json::value& value) {
  if (value.is_uint64()) return value.get_uint64();
  if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
  throw Mismatch{quoted(json::serialize(value))};
}
double json_f64(const json::value& value) {
  if (value.is_number()) return value.to_number<double>();
  // JSON has no NaN and no infinity: they travel as strings, both ways.
  if (value.is_string() && value.get_string() == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (value.is_string() && value.get_string() == "Infinity") return std::numeric_limits<double>::infinity();
  if (value.is_string() && value.get_string() == "-Infinity") return -std::numeric_limits<double>::infinity();
  throw Mismatch{quoted(json::serialize(value))};
}

json::value parse(std::string_view text) {
  boost::system::error_code why;
  json::value value = json::parse(text, why);
  if (why) throw Mismatch{quoted(text) + ", which is not JSON"};
  return value;
}

template <class Store, class Convert>
auto pack(Store& store, const json::array& items, Convert convert) {
  auto& numbers = store.emplace_back();
  numbers.reserve(items.size());
  for (const auto& item : items) numbers.push_back(convert(item));
  return numbers.data();
}

std::string plural(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " argument" : " arguments");
}

}  // namespace

Arguments::Arguments(std::string_view function, const wire::Signature& signature, std::uint32_t count,
                     std::string list)
    : list_(std::move(list)) {
  const auto refuse = [&](const std::string& what) {
    return Error(ErrorKind::bad_arguments, std::string(function) + what);
  };
  char* at = list_.data();
  char* const end = at + list_.size();
  std::vector<wire::Argument> given;
  for (std::uint32_t i = 0; i < count; ++i) given.push_back(wire::take_argument(at, end));
  if (at != end) throw Error(ErrorKind::protocol, "bytes behind the last argument");

  const auto& wanted = signature.parameters;
  json::value whole;
  const bool joined = count == 1 && given[0].kind == wire::ArgumentKind::json_array;
  if (joined) {
    boost::system::error_code why;
    whole = json::parse(given[0].value, why);
    if (why || !whole.is_array()) throw refuse(": the arguments are not a JSON array");
  }
  const std::size_t have = joined ? whole.get_array().size() : given.size();
  std::size_t least = wanted.size();
  while (least > 0 && wanted[least - 1].type.optional) --least;
  if (have < least || have > wanted.size()) {
    std::string text = ": takes " + plural(wanted.size());
    if (least != wanted.size()) text = ": takes " + std::to_string(least) + " to " + plural(wanted.size());
    std::string names;
    for (const auto& parameter : wanted)
      names += (names.empty() ? " (" : ", ") + parameter.name + ": " + wire::to_string(parameter.type);
    throw refuse(text + names + (names.empty() ? "" : ")") + ", got " + std::to_string(have));
  }
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    try {
      if (i >= have)
        values_.push_back(scalar(FLAME_NULL));
      else if (joined)
        values_.push_back(from_json(whole.get_array()[i], wanted[i].type));
      else
        values_.push_back(from_argument(given[i], wanted[i].type));
    } catch (const Mismatch& mismatch) {
      throw refuse(": parameter '" + wanted[i].name + "' wants " + wire::to_string(wanted[i].type) +
                   ", got " + mismatch.given);
    }
  }
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
      return from_word(argument.value, type);
    case wire::ArgumentKind::json:
      return from_json(parse(argument.value), type);
    case wire::ArgumentKind::bytes:
      break;
    case wire::ArgumentKind::json_array:
      throw Mismatch{"a list of arguments"};
  }
  if (type.kind == Kind::string) return from_word(argument.value, type);
  if (type.kind != Kind::bytes) throw Mismatch{"bytes"};
  flame_value out = scalar(FLAME_BYTES);
  out.count = argument.value.size();
  out.as.bytes = reinterpret_cast<const std::uint8_t*>(argument.value.data());
  return out;
}

flame_value Arguments::from_word(std::string_view word, const Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      if (word != "true" && word != "false") throw Mismatch{quoted(word)};
      return boolean(word == "true");
    case Kind::i64:
      return i64(number_from<std::int64_t>(word));
    case Kind::u64:
      return u64(number_from<std::uint64_t>(word));
    case Kind::f64:
      return f64(number_from<double>(word));
    case Kind::string:
      if (const auto bad = first_invalid_utf8(word))
        throw Mismatch{quoted(word) + ", which is not valid UTF-8 at byte " + std::to_string(*bad)};
      return text(FLAME_STRING, std::string(word));
    case Kind::bytes:
      return text(FLAME_BYTES, std::string(word));
    case Kind::json:
      (void)parse(word);
      return text(FLAME_JSON, std::string(word));
    case Kind::array:
    case Kind::record:
      return from_json(parse(word), type);
  }
  throw Mismatch{quoted(word)};
}

flame_value Arguments::from_json(const json::value& value, const Type& type) {
  if (type.optional && value.is_null()) return scalar(FLAME_NULL);
  const auto mismatch = [&] { return Mismatch{quoted(json::serialize(value))}; };
  switch (type.kind) {
    case Kind::boolean:
      if (!value.is_bool()) throw mismatch();
      return boolean(value.get_bool());
    case Kind::i64:
      return i64(json_i64(value));
    case Kind::u64:
      return u64(json_u64(value));
    case Kind::f64:
      return f64(json_f64(value));
    case Kind::string:
      if (!value.is_string()) throw mismatch();
      return text(FLAME_STRING, std::string(value.get_string()));
    case Kind::bytes: {
      const auto plain = value.is_string() ? from_base64(std::string_view(value.get_string())) : std::nullopt;
      if (!plain) throw Mismatch{quoted(json::serialize(value)) + ", which is not base64"};
      return text(FLAME_BYTES, *plain);
    }
    case Kind::json:
      return text(FLAME_JSON, json::serialize(value));
    case Kind::array:
      if (!value.is_array()) throw mismatch();
      return from_array(value.get_array(), type.element.front());
    case Kind::record:
      if (!value.is_object()) throw mismatch();
      return from_record(value.get_object(), type);
  }
  throw mismatch();
}

flame_value Arguments::from_array(const json::array& items, const Type& element) {
  flame_value out = scalar(FLAME_ARRAY);
  out.count = items.size();
  if (element.kind == Kind::i64 && !element.optional) {
    out.kind = FLAME_I64_ARRAY;
    out.as.i64s = pack(i64s_, items, json_i64);
  } else if (element.kind == Kind::u64 && !element.optional) {
    out.kind = FLAME_U64_ARRAY;
    out.as.u64s = pack(u64s_, items, json_u64);
  } else if (element.kind == Kind::f64 && !element.optional) {
    out.kind = FLAME_F64_ARRAY;
    out.as.f64s = pack(f64s_, items, json_f64);
  } else {
    out.as.items = pack(items_, items, [&](const json::value& item) { return from_json(item, element); });
  }
  return out;
}

flame_value Arguments::from_record(const json::object& object, const Type& type) {
  for (const auto& member : object) {
    bool known = false;
    for (const auto& field : type.fields) known = known || member.key() == field.name;
    if (!known) throw Mismatch{"the unknown field " + quoted(member.key())};
  }
  auto& items = items_.emplace_back();
  items.reserve(type.fields.size());
  for (const auto& field : type.fields) {
    const json::value* value = object.if_contains(field.name);
    if (value != nullptr)
      items.push_back(from_json(*value, field.type));
    else if (field.type.optional)
      items.push_back(scalar(FLAME_NULL));
    else
      throw Mismatch{"a record without '" + field.name + "'"};
  }
  flame_value out = scalar(FLAME_RECORD);
  out.count = items.size();
  out.as.items = items.data();
  return out;
}

}  // namespace flame::worker
