#include "client/calls/held.hpp"

#include <boost/json.hpp>

#include "base/error.hpp"
#include "client/call_words.hpp"
#include "client/json_text.hpp"
#include "client/remote_error.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using wire::Frame;
using wire::FrameType;
constexpr milliseconds kAnswerPatience{10'000};  // for what a runner has at hand

void send(Link& link, FrameType type, std::uint64_t id, std::string_view body) {
  std::string frame;
  wire::append_frame(frame, type, 0, id, body);
  link.send(frame, Deadline::in(kAnswerPatience));
}

// Throws what the runner says of the link itself.
std::optional<Frame> next_of(Link& link, std::uint64_t id, Deadline deadline) {
  while (auto frame = link.next(deadline)) {
    if (frame->call == id) return frame;
    if (frame->type == FrameType::error && frame->call == 0) throw remote_error(frame->body);
  }
  return std::nullopt;
}

Error silent() {
  return Error(ErrorKind::timed_out, "the runner does not say what has become of the call")
      .with_fate(Fate::unknown);
}

HeldState read_state(std::string_view body) {
  const json::object said = object_of(body);
  const auto is = [&](const char* key) {
    const auto* value = said.if_contains(key);
    return value != nullptr && value->is_bool() && value->get_bool();
  };
  HeldState out;
  out.state = text_of(said, "state");
  out.outcome = text_of(said, "outcome");
  out.age_ms = count_of(said, "age_ms");
  out.ended_ms = count_of(said, "ended_ms");
  out.bytes = count_of(said, "bytes");
  out.whole = is("whole");
  out.fetched = is("fetched");
  return out;
}

// nullopt: the deadline passed.
std::optional<HeldState> next_state(Link& link, std::uint64_t id, Deadline deadline) {
  while (const auto frame = next_of(link, id, deadline))
    if (frame->type == FrameType::held) return read_state(frame->body);
  return std::nullopt;
}

HeldState state_now(Link& link, std::uint64_t id) {
  if (const auto state = next_state(link, id, Deadline::in(kAnswerPatience))) return *state;
  throw silent();
}

}  // namespace

HeldState ask_held(Link& link, std::uint64_t id, Deadline deadline, IfUnknown then) {
  send(link, FrameType::fetch, id, then == IfUnknown::refuse ? R"({"refuse":true})" : "{}");
  if (const auto state = next_state(link, id, deadline)) return *state;
  throw silent();
}

HeldState await_held(Link& link, std::uint64_t id, Deadline deadline) {
  send(link, FrameType::fetch, id, R"({"wait":true})");
  HeldState state = state_now(link, id);
  while (state.known() && !state.over()) {
    const auto later = next_state(link, id, deadline);
    if (!later) break;
    state = *later;
  }
  return state;
}

std::optional<Error> fetch_held(Link& link, std::uint64_t id, const CallEvents& events) {
  send(link, FrameType::fetch, id, R"({"result":true})");
  while (const auto frame = next_of(link, id, Deadline::in(kAnswerPatience))) {
    if (frame->type == FrameType::error) return remote_error(frame->body);
    if (frame->type == FrameType::output) events.on_output(frame->body);
    if (frame->type == FrameType::log || frame->type == FrameType::usage) hand_out_words(*frame, events);
    if (frame->type != FrameType::result) continue;
    events.on_result(frame->body, frame->flags);
    if (!frame->has(wire::flag::more)) return std::nullopt;
  }
  throw silent();
}

void release_held(Link& link, std::uint64_t id, Keep keep) {
  send(link, FrameType::release, id, keep == Keep::no_more ? R"({"forget":true})" : "{}");
  (void)state_now(link, id);
}

void cancel_held(Link& link, std::uint64_t id) { send(link, FrameType::cancel, id, {}); }

}  // namespace flame::client
