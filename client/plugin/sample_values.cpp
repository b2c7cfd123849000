#include "client/plugin/sample_values.hpp"

namespace flame::client {

std::string sample_value(const wire::Type& type) {
  switch (type.kind) {
    case wire::Kind::boolean:
      return "true";
    case wire::Kind::i64:
    case wire::Kind::u64:
      return "1";
    case wire::Kind::f64:
      return "1.5";
    case wire::Kind::string:
      return "\"flame\"";
    case wire::Kind::bytes:
      return "\"ZmxhbWU=\"";
    case wire::Kind::json:
      return "{\"flame\":1}";
    case wire::Kind::array:
      return "[" + sample_value(type.element.front()) + "]";
    case wire::Kind::record: {
      std::string out;
      for (const wire::Field& field : type.fields)
        out += (out.empty() ? "\"" : ",\"") + field.name + "\":" + sample_value(field.type);
      return "{" + out + "}";
    }
  }
  return "null";
}

std::optional<std::string> wrong_value(const wire::Type& type) {
  switch (type.kind) {
    case wire::Kind::json:
      return std::nullopt;
    case wire::Kind::string:
    case wire::Kind::bytes:
    case wire::Kind::array:
    case wire::Kind::record:
      return "7";
    default:
      return "\"no number and no truth\"";
  }
}

std::string sample_arguments(const wire::Signature& signature, std::optional<std::size_t> wrong_at) {
  std::string out;
  for (std::size_t i = 0; i < signature.parameters.size(); ++i) {
    const wire::Type& type = signature.parameters[i].type;
    const bool wrong = wrong_at && *wrong_at == i;
    out += (i == 0 ? "" : ",") + (wrong ? wrong_value(type).value_or("null") : sample_value(type));
  }
  return "[" + out + "]";
}

}  // namespace flame::client
