// Texts in JSON that others wrote.
#pragma once
#include <boost/json.hpp>
#include <string>
#include <string_view>

namespace flame::client {

// A member that is a string; "" when there is none, or something else.
inline std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? boost::json::value_to<std::string>(*value) : std::string();
}

}  // namespace flame::client
