// The body of `bind` as a client wrote it, checked.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "runner/scheduler.hpp"

namespace flame::runner {

// Fills path, sha256, function and environment of a bind from {"path","sha256","function","env"}; shared by
// links and POST /v1/run. Throws Error(bad_arguments) or Error(limit) that names the key.
void read_bind(const boost::json::object& request, Bind& out);

// A key's value, or Error(bad_arguments) that names it.
std::string text_of(const boost::json::object& request, std::string_view key);  // "" when absent
bool flag_of(const boost::json::object& request, std::string_view key);         // false when absent

}  // namespace flame::runner
