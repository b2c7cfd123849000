// How this user's last calls went: rows of one size, appended to one file, so that a call pays for one small
// write. Nothing of arguments and results is in them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace flame::client {

// On a call's way, in its order. engine: asked for a machine; start: from its answer to the runner's hello.
enum class Phase : std::uint8_t { find, engine, start, connect, ship, send, queue, load, run, receive };
inline constexpr std::size_t kPhaseCount = 10;
std::string_view phase_name(Phase phase);

struct LoggedCall {
  std::uint64_t id = 0, begun_at_ms = 0;  // Unix time
  std::array<std::uint64_t, kPhaseCount> phase_us{};
  std::uint64_t total_us = 0, cpu_us = 0, peak_bytes = 0;
  bool measured = false;  // queue, load and run are told apart: its runner was asked for them
  bool detached = false;
  std::optional<ErrorKind> error;
  std::string plugin, function, pool, runner;  // the plugin's file name

  std::uint64_t& us(Phase phase) { return phase_us[static_cast<std::size_t>(phase)]; }
  std::uint64_t us(Phase phase) const { return phase_us[static_cast<std::size_t>(phase)]; }
};

inline constexpr std::size_t kLoggedCallsMin = 1000;  // that are remembered; never more than twice as many

std::uint64_t log_id();                          // for a call that has none; not a secret
void log_call(const LoggedCall& call) noexcept;  // where it cannot be written it is not
// The oldest first. Two rows of one id are one call: the later adds what it knows (a detached call's end).
std::vector<LoggedCall> logged_calls();

}  // namespace flame::client
