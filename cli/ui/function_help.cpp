#include "cli/ui/function_help.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/text.hpp"
#include "client/plugin/sample_values.hpp"
#include "wire/signature.hpp"

namespace flame::cli {
namespace {

using wire::Kind;
using wire::Type;

// How a value of this type is written on the command line.
std::string how_to_write(const Type& type) {
  switch (type.kind) {
    case Kind::boolean:
      return "true or false";
    case Kind::i64:
      return "a whole number";
    case Kind::u64:
      return "a whole number from 0";
    case Kind::f64:
      return "a number: 1.5, -2e3, NaN, Infinity";
    case Kind::string:
      return "text, taken as it is";
    case Kind::bytes:
      return "@FILE, - for stdin, or text";
    case Kind::json:
      return "any JSON value";
    case Kind::array:
    case Kind::record:
      return "JSON: " + client::sample_value(type);
  }
  return {};
}

std::string example_word(const Type& type) {
  if (type.kind == Kind::bytes) return "@FILE";
  if (type.kind == Kind::string) return "text";
  const std::string value = client::sample_value(type);
  return type.kind == Kind::array || type.kind == Kind::record || type.kind == Kind::json ? "'" + value + "'"
                                                                                          : value;
}

std::string padded(std::string text, std::size_t width) {
  text.resize(std::max(width, text.size()), ' ');
  return text;
}

std::string parameters_help(const wire::Signature& signature) {
  std::size_t name_width = 0, type_width = 0;
  for (const auto& one : signature.parameters) {
    name_width = std::max(name_width, one.name.size());
    type_width = std::max(type_width, wire::to_string(one.type).size());
  }
  std::string out;
  for (const auto& one : signature.parameters)
    out += "  " + padded(one.name, name_width + 2) +
           padded(wire::to_string(one.type), std::min<std::size_t>(type_width, 24) + 2) +
           how_to_write(one.type) + (one.type.optional ? "; may be left out at the end" : "") + "\n";
  return out.empty() ? out : "\n" + out;
}

std::string flags_help(const client::ManifestFunction& function) {
  std::string out;
  if (function.streaming()) out += "\nIt reads stdin and writes stdout as bytes.\n";
  if (function.has_flag("idempotent")) out += "\nIt may be run again when a runner was lost.\n";
  if (!function.guest.empty()) out += "\nIt wants a machine of kind " + function.guest + ".\n";
  return out;
}

}  // namespace

std::string function_help(const std::string& plugin, const client::ManifestFunction& function) {
  std::string out = function.name + function.signature + "\n";
  if (!function.doc.empty()) out += "\n" + function.doc + "\n";
  std::string usage = "flame run [OPTIONS] " + plugin + " " + function.name;
  std::string example = "flame run " + plugin + " " + function.name;
  std::string parameters, result;
  try {
    const wire::Signature signature = wire::parse_signature(function.signature);
    for (const auto& one : signature.parameters) {
      std::string word = one.name;
      std::transform(word.begin(), word.end(), word.begin(),
                     [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
      usage += one.type.optional ? " [" + word + "]" : " " + word;
      example += " " + example_word(one.type);
    }
    parameters = parameters_help(signature);
    if (signature.result) result = "\nIt prints " + wire::to_string(*signature.result) + ".\n";
  } catch (const Error& error) {
    parameters = "\n  its signature cannot be read: " + error.message + "\n";
  }
  out += "\nUsage: " + usage + "\n" + parameters + result + flags_help(function) + "\nExample: " + example +
         "\n";
  return printable(out, true);
}

}  // namespace flame::cli
