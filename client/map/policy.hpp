// When to stop, and what to run again: decisions without any state of their own.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace flame::client {

// --halt now|soon,fail=N|N% (GNU parallel's words).
struct HaltPolicy {
  enum class When : std::uint8_t { never, soon, now };
  When when = When::never;
  std::uint64_t failed_count = 0;  // this many failed; 0: by percent
  double failed_percent = 0;       // of those that are over, once at least 3 have failed
  bool reached(std::uint64_t failed, std::uint64_t over) const;
};
std::optional<HaltPolicy> parse_halt(std::string_view text);

// --retries N, and what is safe without.
struct RetryPolicy {
  std::uint32_t retries = 0;
  bool idempotent = false;
};
// How long to wait before the call is made again; nullopt: it is over. begun_attempts: how often it was tried
// and may have begun, this time included. spread: 0 … 1, so that many do not come back at once.
std::optional<milliseconds> retry_delay(const RetryPolicy& policy, const Error& error,
                                        std::uint32_t begun_attempts, double spread);

// What no other item would survive either: the plugin or the engine is at fault.
bool ends_all(ErrorKind kind);

}  // namespace flame::client
