// A machine's config: checked where it enters, written back as the API writes it (fact sheet §3).
#pragma once
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "guest.hpp"

namespace flame::fly {

// Throws ApiError(400), or bad_guest_status for a size that is not sold. Durations come back as Go strings,
// autostop as false / true / "suspend", a guest is always there.
boost::json::object checked_config(const boost::json::value& config, unsigned bad_guest_status);

Guest guest_of(const boost::json::object& config);
std::vector<std::string> command_of(const boost::json::object& config);  // init.exec, else entrypoint + cmd

struct RestartRule {
  std::string policy = "on-failure";
  std::int64_t max_retries = 10;
};
RestartRule restart_of(const boost::json::object& config);

struct StopRule {
  int signal;
  std::int64_t timeout_ms;
};
StopRule stop_of(const boost::json::object& config);  // default SIGINT, 5 s

bool flag(const boost::json::object& object, std::string_view name);  // a true bool
std::string text(const boost::json::object& object, std::string_view name, std::string_view otherwise = {});
const boost::json::object* member(const boost::json::object& object, std::string_view name);

// A Go duration string, or integer nanoseconds. Throws ApiError(400).
std::int64_t duration_ms(const boost::json::value& value, std::string_view field);

// SIGTERM and its like; 0 when it is none. Integers are taken as they are.
int signal_number(const boost::json::value& value);
std::string signal_name(int signal);

}  // namespace flame::fly
