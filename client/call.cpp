#include "client/call.hpp"

#include <poll.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <utility>

#include "base/error.hpp"
#include "client/call_words.hpp"
#include "client/json_text.hpp"
#include "client/remote_error.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using wire::Frame;
using wire::FrameType;
constexpr std::size_t kQueuedMaxBytes = 256 * 1024;  // read from the input and not yet taken by the socket
// The runner ends the call at its deadline. It answers when the worker and all that it started are gone, and
// alone knows what became of the call: this is how long a busy machine may take for that.
constexpr milliseconds kAnswerGrace{2000};
constexpr milliseconds kLookFirst{250}, kLookPauseMax{1000};  // for a runner with room, while the call waits
constexpr int kLookShare = 20;  // of the time at most one part is spent with looking

Deadline with_grace(Deadline deadline) {
  if (deadline.unlimited()) return deadline;
  return Deadline::in(milliseconds(deadline.remaining_ms()) + kAnswerGrace);
}

class RunningCall {
 public:
  RunningCall(Link& link, const Invocation& invocation, const CallEvents& events)
      : link_(link),
        call_(invocation),
        events_(events),
        id_(invocation.detached_id != 0 ? invocation.detached_id : 1),
        patience_(with_grace(invocation.deadline)),
        input_(invocation.input),
        asks_whether_streaming_(invocation.input_if_streaming != nullptr),
        window_(link.window_bytes()) {}

  void run() {
    phase("send");
    append_bind();
    wire::append_call_head(
        body_, {0, static_cast<std::uint32_t>(call_.arguments.size()), call_.deadline.remaining_ms()});
    next_argument();
    send_first();
    link_.outlive_losses();
    while (!over_) step();
    link_.has_nothing_in_flight();
  }

 private:
  void phase(std::string_view name) {
    if (events_.on_phase) events_.on_phase(name);
  }

  void append_bind() {
    json::object bind = {
        {"bind", 0}, {"function", call_.function}, {"path", call_.path}, {"fresh", call_.fresh}};
    if (!call_.sha256.empty()) bind["sha256"] = call_.sha256;
    if (call_.phases) bind["phases"] = true;
    if (!call_.files.empty()) bind["files"] = json::parse(call_.files);
    json::object environment;
    for (const auto& [name, value] : call_.environment) environment[name] = value;
    bind["env"] = std::move(environment);
    wire::append_frame(message_, FrameType::bind, 0, 0, json::serialize(bind));
  }

  // Appends arguments up to the next that must be read.
  void next_argument() {
    for (; argument_ < call_.arguments.size(); ++argument_) {
      const CallArgument& one = call_.arguments[argument_];
      if (one.source != nullptr) return wire::append_bytes_begin(body_);
      wire::append_argument(body_, one.kind, one.value);
    }
  }

  bool arguments_read() const { return argument_ == call_.arguments.size(); }

  // Where the next bytes come from, if there is room for them.
  InputSource* source() const {
    if (link_.queued_bytes() >= kQueuedMaxBytes || cancelled_) return nullptr;
    if (!arguments_read())
      return body_.size() <= 2 * wire::kPieceBytes ? call_.arguments[argument_].source : nullptr;
    return body_sent_ && !input_ended_ && window_ > 0 ? input_ : nullptr;
  }

  void read_piece(InputSource& from) {
    if (!arguments_read()) {
      const std::string_view piece = from.read(wire::kPieceBytes);
      if (!piece.empty()) return wire::append_bytes_chunk(body_, piece);
      wire::append_bytes_end(body_);
      ++argument_;
      return next_argument();
    }
    const std::string_view piece = from.read(std::min<std::uint64_t>(window_, wire::kPieceBytes));
    if (piece.empty()) return end_input();
    wire::append_frame(message_, FrameType::input, 0, id_, piece);
    window_ -= piece.size();
  }

  void end_input() {
    wire::append_frame(message_, FrameType::end_input, 0, id_, {});
    input_ended_ = true;
    phase("run");
  }

  // What the window lets go of the body. The last piece is known when all arguments are read.
  void take_body() {
    while (!body_sent_) {
      const bool last = arguments_read() && body_.size() <= wire::kPieceBytes;
      if (!last && body_.size() <= wire::kPieceBytes) return;
      const std::size_t size = std::min(body_.size(), wire::kPieceBytes);
      if (window_ < size) return;
      wire::append_frame(message_, FrameType::call, (last ? 0 : wire::flag::more) | detached_flag(), id_,
                         std::string_view(body_).substr(0, size));
      body_.erase(0, size);
      window_ -= size;
      call_sent_ = true;
      body_sent_ = last;
    }
    if (input_ == nullptr && !asks_whether_streaming_ && !input_ended_) end_input();
  }

  std::uint8_t detached_flag() const {
    return call_.detached_id != 0 && !call_sent_ ? wire::flag::detached : 0;
  }

  void send_ready() {
    take_body();
    if (!message_.empty()) link_.queue(message_);
    message_.clear();
    link_.flush();
  }

  // When not even the first bytes can be sent, the call has surely not begun.
  void send_first() {
    try {
      send_ready();
    } catch (Error& error) {
      if (error.kind == ErrorKind::lost) error.kind = ErrorKind::unreachable;
      error.with_fate(Fate::never_begun).at_phase("send");
      throw;
    }
  }

  void step() {
    InputSource* const from = source();
    const bool at_once = from != nullptr && from->ready();
    std::array<pollfd, 3> wait = {pollfd{link_.fd(), link_.events(), 0},
                                  pollfd{cancelled_ ? -1 : events_.wake_fd, POLLIN, 0},  // it stays readable
                                  pollfd{from != nullptr && !at_once ? from->fd() : -1, POLLIN, 0}};
    const Deadline until = waits_ ? patience().earlier(look_) : patience();
    ::poll(wait.data(), wait.size(), at_once ? 0 : until.poll_timeout_ms());
    if (events_.interrupted && !cancelled_ && events_.interrupted()) cancel();
    if ((wait[0].revents & ~POLLOUT) != 0 || link_.is_lost()) receive();
    tell_link();
    if (over_) return;
    if (patience_.passed()) throw silent();
    if (from != nullptr && !cancelled_ && (at_once || wait[2].revents != 0)) read_piece(*from);
    if (waits_ && look_.passed()) look_elsewhere();
    send_ready();
  }

  Deadline patience() const {
    if (!link_.is_lost()) return patience_;
    return patience_.earlier(Deadline::in(std::chrono::ceil<milliseconds>(link_.wake_at() - Clock::now())));
  }

  void tell_link() {
    if (std::exchange(was_lost_, link_.is_lost()) == link_.is_lost()) return;
    if (events_.on_link)
      events_.on_link(was_lost_ ? "the link to the runner was lost; it is made again"
                                : "the link to the runner is there again");
  }

  // What was read here cannot be sent to another.
  bool could_move() const {
    return events_.elsewhere && input_ == nullptr &&
           std::all_of(call_.arguments.begin(), call_.arguments.end(),
                       [](const CallArgument& argument) { return argument.source == nullptr; });
  }

  void look_elsewhere() {
    if (cancelled_ || !could_move()) {
      waits_ = false;
      return;
    }
    const auto begun = Clock::now();
    if (!link_.is_lost() && events_.elsewhere()) {
      asked_back_ = true;
      wire::append_frame(message_, FrameType::withdraw, 0, id_, {});
    }
    const auto took = std::chrono::ceil<milliseconds>(Clock::now() - begun);
    look_pause_ = std::max(std::min(2 * look_pause_, kLookPauseMax), kLookShare * took);
    look_ = Deadline::in(look_pause_);
  }

  Error ended(std::string_view body) const {
    Error error = remote_error(body);
    if (!asked_back_ || cancelled_ || error.kind != ErrorKind::cancelled || error.fate != Fate::never_begun)
      return error;
    Error moves(ErrorKind::busy, "the call waits, and another runner has room");
    moves.retry_after_ms = 0;
    return moves;
  }

  void cancel() {
    if (!call_sent_) throw Error(ErrorKind::cancelled, "cancelled before the call was sent").at_phase("send");
    cancelled_ = true;
    wire::append_frame(message_, FrameType::cancel, 0, id_, {});
  }

  Error silent() const {
    if (!call_sent_)
      return Error(ErrorKind::timed_out, "the deadline passed while the arguments were read")
          .at_phase("send");
    Error error(ErrorKind::timed_out,
                "the deadline passed and the runner did not say what became of the call");
    return error.with_fate(Fate::unknown).at_phase("run");
  }

  void receive() {
    try {
      link_.receive();
      while (!over_) {
        const auto frame = link_.next_received();
        if (!frame) return;
        if (frame->type == FrameType::error && (frame->call == id_ || frame->call == 0))
          throw ended(frame->body);
        if (frame->type == FrameType::bound) bound(object_of(frame->body));
        if (frame->call == id_) take(*frame);
      }
    } catch (Error& error) {
      // A runner that talks nonsense may have begun the call all the same.
      if (error.kind == ErrorKind::protocol && call_sent_) error.with_fate(Fate::unknown);
      throw;
    }
  }

  void bound(const json::object& told) {
    if (std::exchange(asks_whether_streaming_, false) &&
        text_of(told, "flags").find("streaming") != std::string::npos)
      input_ = call_.input_if_streaming();
  }

  void take(const Frame& frame) {
    if (frame.type == FrameType::busy) throw busy(frame.body);
    if (!taken_) runner_has_it();
    switch (frame.type) {
      case FrameType::output:
        return events_.on_output(frame.body);
      case FrameType::started:
        waits_ = false;
        if (events_.on_started) events_.on_started();
        return;
      case FrameType::window:
        if (frame.body.size() == 8) window_ += wire::get_u64(frame.body.data());
        return;
      case FrameType::log:
      case FrameType::progress:
      case FrameType::usage:
        return hand_out_words(frame, events_);
      case FrameType::accepted:
        return accepted();
      case FrameType::result:
        if (!result_began_) phase("receive");
        result_began_ = true;
        events_.on_result(frame.body, frame.flags);
        over_ = !frame.has(wire::flag::more);
        return;
      default:
        if (frame.has(wire::flag::critical))
          throw Error(ErrorKind::protocol, "the runner sent a critical frame that this flame does not know")
              .with_fate(Fate::unknown);
    }
  }

  // Any word about the call but busy: it will not be given to another runner.
  void runner_has_it() {
    taken_ = true;
    for (const CallArgument& argument : call_.arguments)
      if (argument.source != nullptr) argument.source->taken();
    if (input_ != nullptr) input_->taken();
  }

  static Error busy(std::string_view body) {
    Error error(ErrorKind::busy, "every slot of the runner and its queue are taken", "try again later");
    if (const auto ms = number_of(object_of(body), "retry_after_ms"))
      error.retry_after_ms = static_cast<std::int64_t>(*ms);
    return error;
  }

  // Of one that is not detached it says no more than that it waits.
  void accepted() {
    over_ = call_.detached_id != 0;
    waits_ = true;
    look_ = Deadline::in(look_pause_);
    if (over_ && cancelled_)
      throw Error(ErrorKind::cancelled, "cancelled while the call was sent").with_fate(Fate::cancelled);
  }

  Link& link_;
  const Invocation& call_;
  const CallEvents& events_;
  const std::uint64_t id_;
  const Deadline patience_;
  InputSource* input_;
  bool asks_whether_streaming_;
  std::uint64_t window_;      // bytes that the runner will take
  std::string message_;       // frames that go with the next message
  std::string body_;          // of the call, what is in no frame yet
  std::size_t argument_ = 0;  // that is being read
  bool was_lost_ = false;     // the link
  bool waits_ = false;        // it was accepted, has not started, and may move
  bool asked_back_ = false;
  Deadline look_;  // then another runner is looked for
  milliseconds look_pause_ = kLookFirst;
  bool call_sent_ = false;  // a part of it: the runner knows of the call
  bool body_sent_ = false, input_ended_ = false, cancelled_ = false, taken_ = false, result_began_ = false,
       over_ = false;
};

}  // namespace

void run_call(Link& link, const Invocation& invocation, const CallEvents& events) {
  RunningCall(link, invocation, events).run();
}

}  // namespace flame::client
