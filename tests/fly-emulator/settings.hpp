// What may be chosen, at start (--set NAME=VALUE) or while it runs (POST /_emulator/settings): how long
// things take, and the answers on which sources differ.
#pragma once
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <string_view>

namespace flame::fly {

struct Range {
  std::int64_t low_ms = 0, high_ms = 0;
};

struct Settings {
  // Time each step takes (fact sheet §6).
  Range create_reply{1100, 2500}, pull{2500, 5000}, boot{300, 900}, stop{100, 600};
  Range suspend{500, 2500}, resume{200, 500}, update{3000, 8000}, destroy{100, 500}, exec{200, 900};
  Range still_active{0, 1000};            // after a stop the machine refuses a start for so long
  Range destroyed_lag{0, 300};            // GET still says "destroying"
  std::int64_t retention_ms = 60'000;     // a destroyed machine is remembered
  std::int64_t settle_ms = 10'000;        // a skip_launch machine reads "created", then "stopped"; -1: never
  std::int64_t exec_default_ms = 10'000;  // an exec without a timeout
  std::int64_t restart_pause_ms = 1000;   // between a machine's exit and its restart
  std::int64_t autostop_pass_ms = 120'000;
  std::int64_t idle_timeout_ms = 60'000;  // of a proxied connection whose port names none
  std::int64_t rootfs_mb = 1024;          // what a stopped machine is billed for
  // Answers that no source settles.
  std::int64_t start_on_started = 412;  // or 200, with status "error" inside
  std::int64_t second_delete = 404;     // or 200
  std::int64_t bad_guest = 400;         // or 422
  std::int64_t argv_trap = 1;           // a long exec is dropped with status 200
  std::int64_t exec_stdin = 1;          // 0: stdin is not passed on
  std::int64_t limits = 1;              // 0: no rate limits

  void make_fast();
  // Throws ApiError(400) for a name or value that is not one. A value: a number, or [low, high] for a range.
  void set(std::string_view name, const boost::json::value& value);
  boost::json::object show() const;
};

}  // namespace flame::fly
