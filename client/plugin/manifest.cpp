#include "client/plugin/manifest.hpp"

#include <boost/json.hpp>

#include "base/error.hpp"
#include "base/text.hpp"
#include "client/plugin/limits.hpp"
#include "wire/limits.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;

Error unreadable(const std::string& why) {
  return Error(ErrorKind::plugin_unloadable, "its manifest cannot be read: " + why,
               "build it again with the SDK");
}

// Absent keys are empty texts: an older SDK may not know them.
std::string word(const json::object& object, const char* key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr) return {};
  if (!value->is_string()) throw unreadable(std::string(key) + " is not a text");
  if (value->get_string().size() > kManifestTextMaxBytes) throw unreadable(std::string(key) + " is too long");
  return std::string(value->get_string());
}

ManifestFunction parse_function(const json::value& item) {
  if (!item.is_object()) throw unreadable("a function is not an object");
  const json::object& object = item.get_object();
  ManifestFunction out{word(object, "name"), word(object, "signature"), word(object, "flags"),
                       word(object, "doc"), word(object, "guest")};
  if (out.name.empty()) throw unreadable("a function has no name");
  if (out.name.size() > wire::kFunctionNameMaxBytes) throw unreadable("the name of a function is too long");
  return out;
}

}  // namespace

bool ManifestFunction::has_flag(std::string_view flag) const {
  return (" " + flags + " ").find(" " + std::string(flag) + " ") != std::string::npos;
}

Manifest parse_manifest(std::string_view text) {
  text = text.substr(0, text.find('\0'));
  if (text.size() > kManifestMaxBytes)
    throw unreadable("it has more than " + std::to_string(kManifestMaxBytes) + " bytes");
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), why);
  if (why) throw unreadable(why.message());
  if (!value.is_object()) throw unreadable("it is not an object");
  const json::object& object = value.get_object();
  Manifest out;
  const json::value* abi = object.if_contains("abi_needed");
  if (abi == nullptr || !abi->is_int64() || abi->get_int64() < 1 || abi->get_int64() > 1'000'000)
    throw unreadable("it does not say which ABI is needed");
  out.abi_needed = static_cast<std::uint32_t>(abi->get_int64());
  out.name = word(object, "name");
  out.version = word(object, "version");
  const json::value* functions = object.if_contains("functions");
  if (functions == nullptr || !functions->is_array()) throw unreadable("it lists no functions");
  if (functions->get_array().size() > kManifestFunctionMaxCount)
    throw unreadable("it lists more than " + std::to_string(kManifestFunctionMaxCount) + " functions");
  for (const json::value& item : functions->get_array())
    if (!item.is_null()) out.functions.push_back(parse_function(item));  // a list macro ends in null
  return out;
}

}  // namespace flame::client
