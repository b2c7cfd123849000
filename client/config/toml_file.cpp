#include "client/config/toml_file.hpp"

// Its assertions do not hold for every text ("[`"), nor do its unreachable places ("a = é"): both are
// promises to the optimiser, so that anything might happen. Here nothing is promised: the assertions are
// empty, and a letter that its tables forgot is of no class; such texts are then refused in the ordinary way.
#include <algorithm>
#include <array>
#include <cmath>
#include <string>
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <toml++/impl/forward_declarations.h>
#pragma push_macro("TOML_UNREACHABLE")
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#pragma pop_macro("TOML_UNREACHABLE")
#include <toml++/toml.h>
#pragma GCC diagnostic pop
#pragma pop_macro("NDEBUG")

#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr std::size_t kTableDepth = 2;  // pool.NAME; what lies deeper is one value

// Deeper than any key wants, and no deeper than our JSON parsers go.
constexpr int kValueDepth = 16;
struct TooDeep {
  unsigned line;
};

json::value json_of(const toml::node& node, int depth = 0) {
  if (depth > kValueDepth) throw TooDeep{node.source().begin.line};
  if (const auto* text = node.as_string()) return json::string(text->get());
  if (const auto* number = node.as_integer()) return json::value(number->get());
  if (const auto* real = node.as_floating_point()) {
    if (!std::isfinite(real->get())) return std::isnan(real->get()) ? "nan" : "inf";  // JSON has none
    return json::value(real->get());
  }
  if (const auto* yes = node.as_boolean()) return json::value(yes->get());
  if (const auto* array = node.as_array()) {
    json::array out;
    for (const toml::node& item : *array) out.push_back(json_of(item, depth + 1));
    return out;
  }
  if (const auto* table = node.as_table()) {
    json::object out;
    for (const auto& [key, item] : *table) out[std::string(key.str())] = json_of(item, depth + 1);
    return out;
  }
  return nullptr;  // dates: no key takes one
}

TomlValue value_of(const toml::node& node) {
  TomlValue out;
  out.json = json::serialize(json_of(node));
  out.text = out.json;
  if (const auto* text = node.as_string()) {
    out.kind = TomlValue::Kind::text;
    out.text = text->get();
  } else if (const auto* number = node.as_integer()) {
    out.kind = TomlValue::Kind::number;
    out.number = number->get();
  } else if (node.is_boolean()) {
    out.kind = TomlValue::Kind::boolean;
  } else if (const auto* array = node.as_array();
             array != nullptr && (array->empty() || array->is_homogeneous<std::string>())) {
    out.kind = TomlValue::Kind::words;
    for (const toml::node& item : *array) out.words.push_back(item.as_string()->get());
  }
  return out;
}

void walk(const toml::table& table, const std::vector<std::string>& path, std::vector<TomlEntry>& out) {
  for (const auto& [key, node] : table) {
    std::vector<std::string> here = path;
    here.emplace_back(key.str());
    const auto* inner = node.as_table();
    if (inner != nullptr && here.size() <= kTableDepth && here[0] == "pool")
      walk(*inner, here, out);
    else
      out.push_back({std::move(here), value_of(node), key.source().begin.line});
  }
}

}  // namespace

std::vector<TomlEntry> parse_toml(std::string_view text, const std::string& file) {
  try {
    std::vector<TomlEntry> out;
    walk(toml::parse(text), {}, out);
    return out;
  } catch (const TooDeep& value) {
    throw Error(ErrorKind::config, file + ":" + std::to_string(value.line) +
                                       ": a value is nested deeper than " + std::to_string(kValueDepth));
  } catch (const toml::parse_error& why) {
    throw Error(ErrorKind::config,
                file + ":" + std::to_string(why.source().begin.line) + ": " + std::string(why.description()));
  }
}

}  // namespace flame::client
