// The part of Keeper that holds a link to each runner.
#include <algorithm>
#include <boost/json.hpp>

#include "base/error.hpp"
#include "client/json_text.hpp"
#include "client/pool/keeper.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using State = KeptRunner::State;
constexpr milliseconds kHelloPatience{5'000}, kLookEvery{1'000}, kLookAtMost{100};
constexpr milliseconds kTryAgainMax{1'000}, kSilentAfter{15'000};
constexpr std::chrono::seconds kShortLife{10};  // an end so soon counts as a boot that failed

}  // namespace

void Keeper::set_state(Kept& one, State state) {
  if (state != State::ready && state != State::coming) one.booted = false;
  // Of one that leaves the link is kept: its end says when it is gone.
  if (state == State::resting || (state == State::coming && one.state != State::coming)) {
    one.link.reset();
    one.linked = false;
    one.tries = 0;
    one.next_try = Clock::time_point();
  }
  one.state = state;
}

void Keeper::visit(Kept& one, Clock::time_point now) {
  if (one.machine.name.empty()) return;
  try {
    if (one.sought()) return approach(one, now);
    if (one.link) listen(one, now);
  } catch (const Error& error) {
    const bool sought = one.sought();
    one.link.reset();
    one.linked = false;
    if (sought) return not_there(one, error, now);
    list_due_ = std::min(list_due_, now);
    if (one.state == State::ready || one.state == State::silent) lost(one, error, now);
  }
}

void Keeper::lost(Kept& one, const Error& why, Clock::time_point now) {
  ++counters_.lost;
  log("warning", "runner_lost", {{"runner", one.machine.name}, {"why", why.message}});
  if (now - one.ready_at < kShortLife)
    boot_failed(one.machine.name, Error(ErrorKind::boot_failed, "the runner ended soon after its hello"),
                now);
  gone(one, "lost", now);
}

// No hello yet: again in a moment, and the list tells if it is gone.
void Keeper::not_there(Kept& one, const Error& why, Clock::time_point now) {
  ++one.tries;
  one.next_try = now + std::min(milliseconds(5 * one.tries), kTryAgainMax);
  if ((one.tries & (one.tries - 1)) == 0 && one.tries >= 16) list_due_ = std::min(list_due_, now);
  const milliseconds patience = one.booted ? milliseconds(pool_.settings().boot_timeout_ms) : kSilentAfter;
  if (now - one.since < patience) return;
  if (one.state != State::silent)
    log("warning", "runner_silent", {{"runner", one.machine.name}, {"why", why.message}});
  const bool ours = one.booted;
  set_state(one, State::silent);
  if (!ours) return;
  const Error late(ErrorKind::boot_failed,
                   "the runner " + one.machine.name + " did not say hello in time: " + why.message);
  pool_.no_hello_came(late);
  boot_failed(one.machine.name, late, now);
  if (acting_) pool_.begin("destroy", one.machine.name, Deadline::in(std::chrono::seconds(60)), {});
}

void Keeper::approach(Kept& one, Clock::time_point now) {
  if (!one.link) {
    if (now < one.next_try || !one.machine.address.known()) return;
    one.try_until = now + kHelloPatience;
    one.link = std::make_unique<Link>(one.machine.address);
  }
  while (!one.link->proceed()) {
    pollfd wait = {one.link->fd(), one.link->opening_events(), 0};
    if (::poll(&wait, 1, 0) > 0) continue;
    if (now >= one.try_until) throw Error(ErrorKind::unreachable, "it did not say hello in time");
    return;
  }
  arrived(one, now);
}

void Keeper::arrived(Kept& one, Clock::time_point now) {
  one.linked = true;
  const bool draining = is_draining(*one.link);
  const bool ours = one.booted;
  set_state(one, draining ? State::leaving : State::ready);
  one.booted = false;
  take_info(one, one.link->hello(), now);
  one.looks = one.link->hello().find("\"look\"") != std::string::npos;
  one.heard_at = one.ready_at = now;
  one.heard = false;
  look_due_ = now;
  if (draining) return;
  if (is_current(one)) pool_.remember({one.machine.name, one.machine.address, one.machine.generation});
  if (!ours) {
    log("info", "runner_known", {{"runner", one.machine.name}, {"current", is_current(one)}});
    return;
  }
  boot_came(one, one.since);
}

// A boot of ours, begun then, has said hello.
void Keeper::boot_came(const Kept& one, Clock::time_point begun) {
  const double seconds = std::chrono::duration<double>(one.ready_at - begun).count();
  pool_.hello_came();
  boot_trouble_.clear();
  ++counters_.boots_ready;
  counters_.boot_seconds += seconds;
  log("info", "runner_ready",
      {{"runner", one.machine.name}, {"boot_ms", static_cast<std::uint64_t>(seconds * 1000)}});
}

void Keeper::listen(Kept& one, Clock::time_point now) {
  one.link->flush();
  while (one.link->receive()) {
    while (const auto frame = one.link->next_received()) {
      if (frame->type == wire::FrameType::info) {
        take_info(one, frame->body, now);
        one.heard_at = now;
        one.heard = true;
        if (one.state == State::silent) set_state(one, State::ready);
      }
      if (frame->type == wire::FrameType::draining && one.state == State::ready) {
        log("info", "runner_leaves", {{"runner", one.machine.name}});
        pool_.forget({one.machine.name, {}, {}});
        set_state(one, State::leaving);
      }
    }
  }
  if (one.state == State::ready && now - one.ready_at >= kShortLife) boot_pause_ = milliseconds(0);
}

void Keeper::take_info(Kept& one, std::string_view body, Clock::time_point now) {
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(body.data(), body.size()), why);
  if (why || !value.is_object()) return;
  one.info = body;
  const json::object& info = value.get_object();
  one.slots = count_of(info, "slots");
  one.busy = count_of(info, "busy");
  one.queued = count_of(info, "queued");
  one.idle_ms = count_of(info, "idle_ms");
  take_calls(one, info, now);
}

// Its name stays until the caller has taken it from the list.
void Keeper::gone(Kept& one, const char* why, Clock::time_point now) {
  if (one.booted) {
    ask_why(one.machine.name, now);
  } else if (one.state == State::leaving) {
    log("info", "runner_gone", {{"runner", one.machine.name}, {"why", why}});
  }
  pool_.forget({one.machine.name, {}, {}});
  load_.gone(one.machine.name);
  // Its machine may stay for a moment, or at rest: the next list says so.
  list_due_ = std::min(list_due_, now + milliseconds(100));
  const std::string name = one.machine.name;
  one = Kept();
}

// A look is no activity for a runner; those that are to stay are told so.
void Keeper::look_at_all(Clock::time_point now) {
  // Often enough that none that is to stay leaves between two looks.
  const std::uint64_t idle_ms = pool_.settings().idle_timeout_ms;
  look_due_ =
      now + (idle_ms > 0 ? std::clamp(milliseconds(idle_ms / 4), kLookAtMost, kLookEvery) : kLookEvery);
  for (Kept& one : runners_) {
    if (!one.linked || !one.looks || (one.state != State::ready && one.state != State::silent)) continue;
    if (one.state == State::ready && now - one.heard_at > kSilentAfter) {
      log("warning", "runner_silent", {{"runner", one.machine.name}, {"why", "it does not answer"}});
      set_state(one, State::silent);
    }
    const bool stays =
        acting_ && std::find(plan_.stay.begin(), plan_.stay.end(), one.machine.name) != plan_.stay.end();
    std::string frame;
    wire::append_frame(frame, wire::FrameType::look, 0, 0, stays ? R"({"stay":true})" : "{}");
    try {
      one.link->queue(frame);
      one.link->flush();
    } catch (const Error&) {  // the next visit meets the same
    }
  }
}

}  // namespace flame::client
