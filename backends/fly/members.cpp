#include "backends/fly/members.hpp"

#include <boost/json.hpp>

namespace flame::backend::fly {
namespace json = boost::json;

const json::value& member(const json::value& value, std::string_view key) {
  static const json::value nothing;
  const auto* object = value.if_object();
  const auto* found =
      object != nullptr ? object->if_contains(json::string_view(key.data(), key.size())) : nullptr;
  return found != nullptr ? *found : nothing;
}

std::string text(const json::value& value, std::string_view key) {
  const json::value& found = member(value, key);
  return found.is_string() ? json::value_to<std::string>(found) : std::string();
}

std::int64_t number(const json::value& value, std::string_view key, std::int64_t otherwise) {
  boost::system::error_code why;
  const auto out = member(value, key).to_number<std::int64_t>(why);
  return why ? otherwise : out;
}

bool truth(const json::value& value, std::string_view key) {
  const json::value& found = member(value, key);
  return found.is_bool() && found.get_bool();
}

}  // namespace flame::backend::fly
