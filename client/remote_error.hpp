// The body of an `error` frame as an Error (PROTOCOL.md §6).
#pragma once
#include <string_view>

#include "base/error.hpp"

namespace flame::client {

// A body that cannot be read is an Error(protocol) of unknown fate.
Error remote_error(std::string_view body);

}  // namespace flame::client
