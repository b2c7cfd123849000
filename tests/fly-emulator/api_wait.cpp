// GET …/wait: a long poll (fact sheet §4.3).
#include <algorithm>
#include <array>
#include <charconv>

#include "api.hpp"

namespace flame::fly::api {
namespace json = boost::json;
namespace {

constexpr std::array<std::string_view, 6> kWaitable = {"started",   "stopped", "suspended",
                                                       "destroyed", "failed",  "settled"};

struct Wait : std::enable_shared_from_this<Wait> {
  Wait(ExchangePtr exchange, MachinePtr machine_in)
      : x(std::move(exchange)), machine(std::move(machine_in)), timer(x->world.loop) {}
  ExchangePtr x;
  MachinePtr machine;
  boost::asio::steady_timer timer;
  std::vector<std::string> states;
  std::string version, after_event;
  bool done = false, lies = false;

  bool reached() const {
    const std::string_view now = state_name(machine->state());
    const bool settled =
        now == "started" || now == "stopped" || now == "suspended" || now == "destroyed" || now == "failed";
    const bool wanted = std::find(states.begin(), states.end(), now) != states.end() ||
                        (settled && std::find(states.begin(), states.end(), "settled") != states.end());
    return wanted && (after_event.empty() || machine->events.back().id > after_event);
  }
  std::string wanted() const {
    std::string out;
    for (const auto& state : states) out += (out.empty() ? "" : ",") + state;
    return out;
  }

  // True when there is nothing more to wait for.
  bool look() {
    if (done) return true;
    if (machine->instance_id() != version) return fail(wait_expired(wanted(), "replaced"));
    if (reached() && !lies) return succeed();
    if (machine->state() == State::destroyed) return fail(machine_not_found());
    return false;
  }
  bool succeed() {
    finish();
    x->reply(200, json::object{{"ok", true},
                               {"state", state_name(machine->state())},
                               {"event_id", machine->events.empty() ? "" : machine->events.back().id},
                               {"version", machine->instance_id()}});
    return true;
  }
  bool fail(const ApiError& error) {
    finish();
    x->fail(error);
    return true;
  }
  void finish() {
    done = true;
    timer.cancel();
  }
};

std::vector<std::string> states_of(const Request& request) {
  std::vector<std::string> out;
  for (std::string_view list : request.parameters("state"))
    while (!list.empty()) {
      const std::string_view word = list.substr(0, list.find(','));
      list.remove_prefix(std::min(list.size(), word.size() + 1));
      if (std::find(kWaitable.begin(), kWaitable.end(), word) == kWaitable.end())
        throw bad_request(
            "invalid_argument: invalid WaitMachineRequest.State: value must be in list [started stopped "
            "suspended destroyed failed settled]");
      out.emplace_back(word);
    }
  if (out.empty()) out.emplace_back("started");
  return out;
}

std::chrono::seconds timeout_of(const Request& request) {
  const std::string text = request.parameter("timeout").value_or("60");
  int seconds = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  const bool whole =
      failed == std::errc() && (end == text.data() + text.size() || std::string_view(end) == "s");
  if (!whole || seconds < 1 || seconds > 60)
    throw bad_request(
        "invalid_argument: invalid WaitMachineRequest.Timeout: value must be inside range [1s, 1m0s]");
  return std::chrono::seconds(seconds);
}

void check_version(const Wait& wait) {
  const auto& versions = wait.machine->versions;
  if (std::none_of(versions.begin(), versions.end(),
                   [&](const Version& v) { return v.instance_id == wait.version; }))
    throw machine_not_found();
}

}  // namespace

void wait(Exchange& x) {
  const auto wait = std::make_shared<Wait>(x.shared_from_this(), x.machine);
  wait->states = states_of(x.request);
  const auto timeout = timeout_of(x.request);
  wait->version = x.request.parameter("version").value_or(
      x.request.parameter("instance_id").value_or(x.machine->instance_id()));
  wait->after_event = x.request.parameter("from_event_id").value_or("");
  check_version(*wait);
  wait->lies = x.strike("wait_lies") != nullptr;
  if (wait->look()) return;
  // The timer alone keeps it: a machine that never changes must not gather those who gave up.
  x.machine->watch([weak = std::weak_ptr(wait)] {
    const auto held = weak.lock();
    return held == nullptr || held->look();
  });
  wait->timer.expires_after(timeout);
  wait->timer.async_wait([wait](boost::system::error_code failed) {
    if (!failed && !wait->done) wait->fail(wait_expired(wait->wanted(), state_name(wait->machine->state())));
  });
}

}  // namespace flame::fly::api
