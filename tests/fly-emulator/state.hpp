// A machine's states, and which may follow which (fact sheet §4.1).
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace flame::fly {

enum class State : std::uint8_t {
  created,
  starting,
  started,
  stopping,
  stopped,
  suspending,
  suspended,
  restarting,
  updating,
  replacing,
  failed,
  launch_failed,
  destroying,
  destroyed,
};

inline constexpr std::array<std::string_view, 14> kStateNames = {
    "created",    "starting", "started",   "stopping", "stopped",       "suspending", "suspended",
    "restarting", "updating", "replacing", "failed",   "launch_failed", "destroying", "destroyed"};
constexpr std::string_view state_name(State state) { return kStateNames[static_cast<std::size_t>(state)]; }

constexpr bool allowed(State from, State to) {
  using enum State;
  if (from == to) return false;
  // A machine can be removed from every state (by force), and can vanish with its host.
  if (to == destroying) return from != destroyed;
  switch (from) {
    case created:
      return to == starting || to == stopped || to == stopping || to == updating || to == launch_failed;
    case starting:
      return to == started || to == failed || to == launch_failed || to == stopping || to == stopped ||
             to == replacing;
    case started:
      return to == stopping || to == stopped || to == suspending || to == restarting || to == replacing ||
             to == starting || to == failed;
    case stopping:
      return to == stopped || to == failed || to == replacing;
    case stopped:
      return to == starting || to == updating;
    case suspending:
      return to == suspended || to == started || to == stopping || to == stopped || to == replacing;
    case suspended:
      return to == starting || to == stopping || to == stopped || to == updating;
    case restarting:
      return to == starting || to == stopping || to == replacing;
    case updating:
      return to == starting || to == created || to == stopped;
    case replacing:
      return to == starting || to == created || to == stopped || to == failed;
    case failed:
      return to == starting || to == stopping || to == stopped || to == updating;
    case launch_failed:
      return to == destroyed;
    case destroying:
      return to == destroyed;
    case destroyed:
      return false;
  }
  return false;
}

}  // namespace flame::fly
