// Members of what the API answers. Missing and odd ones are taken as empty: it leaves out zero values.
#pragma once
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace flame::backend::fly {

const boost::json::value& member(const boost::json::value& value, std::string_view key);  // null: none
std::string text(const boost::json::value& value, std::string_view key);
std::int64_t number(const boost::json::value& value, std::string_view key, std::int64_t otherwise = 0);
bool truth(const boost::json::value& value, std::string_view key);

}  // namespace flame::backend::fly
