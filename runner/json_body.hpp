// The body of a client's frame that is a JSON object.
#pragma once
#include <boost/json/object.hpp>
#include <string_view>

namespace flame::runner {

// what: "a bind", for the error. Throws Error(limit, protocol).
boost::json::object read_object(std::string_view body, const char* what);

}  // namespace flame::runner
