#include "settings.hpp"

#include <array>
#include <boost/json.hpp>
#include <variant>

#include "errors.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

using Member = std::variant<Range Settings::*, std::int64_t Settings::*>;
struct Named {
  std::string_view name;
  Member member;
};

const std::array kNames = {Named{"create_reply_ms", &Settings::create_reply},
                           Named{"pull_ms", &Settings::pull},
                           Named{"boot_ms", &Settings::boot},
                           Named{"stop_ms", &Settings::stop},
                           Named{"suspend_ms", &Settings::suspend},
                           Named{"resume_ms", &Settings::resume},
                           Named{"update_ms", &Settings::update},
                           Named{"destroy_ms", &Settings::destroy},
                           Named{"exec_ms", &Settings::exec},
                           Named{"still_active_ms", &Settings::still_active},
                           Named{"destroyed_lag_ms", &Settings::destroyed_lag},
                           Named{"retention_ms", &Settings::retention_ms},
                           Named{"settle_ms", &Settings::settle_ms},
                           Named{"exec_default_ms", &Settings::exec_default_ms},
                           Named{"restart_pause_ms", &Settings::restart_pause_ms},
                           Named{"autostop_pass_ms", &Settings::autostop_pass_ms},
                           Named{"idle_timeout_ms", &Settings::idle_timeout_ms},
                           Named{"rootfs_mb", &Settings::rootfs_mb},
                           Named{"start_on_started", &Settings::start_on_started},
                           Named{"second_delete", &Settings::second_delete},
                           Named{"bad_guest", &Settings::bad_guest},
                           Named{"argv_trap", &Settings::argv_trap},
                           Named{"exec_stdin", &Settings::exec_stdin},
                           Named{"limits", &Settings::limits}};

std::int64_t number(std::string_view name, const json::value& value) {
  if (!value.is_int64() || value.get_int64() < -1 || value.get_int64() > 1'000'000'000)
    throw bad_request("setting " + std::string(name) + " wants a whole number");
  return value.get_int64();
}

Range range(std::string_view name, const json::value& value) {
  if (!value.is_array()) return {number(name, value), number(name, value)};
  const auto& pair = value.get_array();
  if (pair.size() != 2) throw bad_request("setting " + std::string(name) + " wants [low, high]");
  const Range out{number(name, pair[0]), number(name, pair[1])};
  if (out.low_ms > out.high_ms) throw bad_request("setting " + std::string(name) + " wants low <= high");
  return out;
}

}  // namespace

void Settings::make_fast() {
  for (const Named& named : kNames)
    if (const auto* member = std::get_if<Range Settings::*>(&named.member)) this->** member = {0, 2};
  create_reply = still_active = destroyed_lag = {0, 0};
  settle_ms = 200;
  restart_pause_ms = 5;
  autostop_pass_ms = 200;
}

void Settings::set(std::string_view name, const json::value& value) {
  for (const Named& named : kNames) {
    if (named.name != name) continue;
    if (const auto* member = std::get_if<Range Settings::*>(&named.member))
      this->** member = range(name, value);
    else
      this->*std::get<std::int64_t Settings::*>(named.member) = number(name, value);
    return;
  }
  throw bad_request("no setting is called " + std::string(name));
}

json::object Settings::show() const {
  json::object out;
  for (const Named& named : kNames) {
    if (const auto* member = std::get_if<Range Settings::*>(&named.member))
      out[named.name] = json::array{(this->**member).low_ms, (this->**member).high_ms};
    else
      out[named.name] = this->*std::get<std::int64_t Settings::*>(named.member);
  }
  return out;
}

}  // namespace flame::fly
