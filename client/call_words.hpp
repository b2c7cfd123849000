// What a call says beside its result, as JSON in frames: logs, progress, usage.
#pragma once
#include <boost/json/object.hpp>
#include <string_view>

#include "client/call.hpp"

namespace flame::client {

// A log, progress or usage frame, to whom it may concern.
void hand_out_words(const wire::Frame& frame, const CallEvents& events);

boost::json::object object_of(std::string_view body);  // empty when it is none

}  // namespace flame::client
