// Members of JSON that others wrote.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flame::client {

// A member that is a string; "" when there is none, or something else.
inline std::string text_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? boost::json::value_to<std::string>(*value) : std::string();
}

// A member that is a number.
inline std::optional<double> number_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return std::nullopt;
  return value->to_number<double>();
}

// A member that is a whole number, not below 0; 0 when there is none, or something else.
inline std::uint64_t count_of(const boost::json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return 0;
  boost::system::error_code not_whole;
  const auto number = value->to_number<std::uint64_t>(not_whole);
  return not_whole ? 0 : number;
}

}  // namespace flame::client
