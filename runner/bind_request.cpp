#include "runner/bind_request.hpp"

#include <boost/json/serialize.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "wire/limits.hpp"

namespace flame::runner {
namespace json = boost::json;
namespace {

Error wrong(std::string_view key, const std::string& why) {
  return Error(ErrorKind::bad_arguments, "'" + std::string(key) + "' " + why);
}

std::string read_environment(const json::object& request) {
  const json::value* value = request.if_contains("env");
  if (value == nullptr) return "{}";
  if (!value->is_object()) throw wrong("env", "is not an object of strings");
  std::size_t bytes = 0;
  for (const auto& item : value->get_object()) {
    const std::string name(item.key());
    if (!item.value().is_string()) throw wrong("env", "has a value that is not a string: " + printable(name));
    const auto& text = item.value().get_string();
    if (name.empty() || name.find('=') != std::string::npos || name.find('\0') != std::string::npos ||
        text.find('\0') != json::string::npos)
      throw wrong("env", "has a name or value that no environment can hold: '" + printable(name) + "'");
    bytes += name.size() + text.size();
  }
  if (bytes > wire::kEnvironmentMaxBytes)
    throw Error(ErrorKind::limit, "an environment of " + std::to_string(bytes) + " bytes; the limit is " +
                                      std::to_string(wire::kEnvironmentMaxBytes));
  return json::serialize(*value);
}

std::vector<SetFile> read_files(const json::object& request, const std::string& sha256) {
  std::vector<SetFile> out;
  const json::value* value = request.if_contains("files");
  if (value == nullptr) return out;
  if (!value->is_array() || value->get_array().size() > wire::kShipFileMaxCount)
    throw wrong("files", "is not a list of at most " + std::to_string(wire::kShipFileMaxCount));
  for (const auto& item : value->get_array()) {
    if (!item.is_object()) throw wrong("files", "holds what is not an object");
    out.push_back({text_of(item.get_object(), "path"), text_of(item.get_object(), "sha256")});
  }
  if (out.empty() || out.front().sha256 != sha256) throw wrong("files", "does not begin with the plugin");
  return out;
}

}  // namespace

std::string text_of(const json::object& request, std::string_view key) {
  const json::value* value = request.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr) return "";
  if (!value->is_string()) throw wrong(key, "is not a string");
  if (value->get_string().find('\0') != json::string::npos) throw wrong(key, "holds a zero byte");
  return std::string(value->get_string());
}

bool flag_of(const json::object& request, std::string_view key) {
  const json::value* value = request.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr) return false;
  if (!value->is_bool()) throw wrong(key, "is neither true nor false");
  return value->get_bool();
}

void read_bind(const json::object& request, Bind& out) {
  out.function = text_of(request, "function");
  out.path = text_of(request, "path");
  out.sha256 = text_of(request, "sha256");
  if (out.function.empty()) throw wrong("function", "is missing");
  if (out.function.size() > wire::kFunctionNameMaxBytes)
    throw Error(ErrorKind::limit, "a function name of " + std::to_string(out.function.size()) +
                                      " bytes; the limit is " + std::to_string(wire::kFunctionNameMaxBytes));
  if (out.path.empty() && out.sha256.empty()) throw wrong("path", "and 'sha256' are both missing");
  if (!out.path.empty() && out.path.front() != '/') throw wrong("path", "is not absolute");
  if (!out.sha256.empty() && (out.sha256.size() != 64 || !from_hex(out.sha256)))
    throw wrong("sha256", "is not 64 hex digits");
  out.files = read_files(request, out.sha256);
  (void)set_hash(out.files);  // checks them
  out.environment_json = read_environment(request);
}

}  // namespace flame::runner
