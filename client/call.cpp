#include "client/call.hpp"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>

#include "base/error.hpp"
#include "client/remote_error.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
using wire::FrameType;
constexpr std::uint64_t kCall = 1;

class RunningCall {
 public:
  RunningCall(Link& link, const Invocation& invocation, const CallEvents& events)
      : link_(link), call_(invocation), events_(events), window_(link.window_bytes()) {}

  void run() {
    send_bind();
    if (!send_arguments()) return;
    bool more_input = call_.input_fd >= 0;
    if (!more_input) send(FrameType::end_input, 0, {});
    while (!over_) {
      if (more_input && window_ > 0)
        more_input = pump_input();
      else
        take_one(-1);
    }
  }

 private:
  void send(FrameType type, std::uint8_t flags, std::string_view body) {
    std::string out;
    wire::append_frame(out, type, flags, kCall, body);
    link_.send(out, call_.deadline);
  }

  void send_bind() {
    json::object bind = {{"bind", 0},
                         {"function", call_.function},
                         {"path", call_.path},
                         {"sha256", call_.sha256},
                         {"fresh", call_.fresh}};
    json::object environment;
    for (const auto& [name, value] : call_.environment) environment[name] = value;
    bind["env"] = environment;
    wire::append_frame(pending_, FrameType::bind, 0, 0, json::serialize(bind));
  }

  // False when the call has ended before all was sent.
  bool send_arguments() {
    wire::append_call_head(
        body_, {0, static_cast<std::uint32_t>(call_.arguments.size()), call_.deadline.remaining_ms()});
    for (const CallArgument& argument : call_.arguments) {
      if (argument.fd < 0) {
        wire::append_argument(body_, argument.kind, argument.value);
        continue;
      }
      wire::append_bytes_begin(body_);
      std::array<char, wire::kPieceBytes> buffer;
      for (ssize_t n; (n = read_some(argument.fd, buffer.data(), buffer.size())) > 0;) {
        wire::append_bytes_chunk(body_, {buffer.data(), static_cast<std::size_t>(n)});
        if (!flush_pieces()) return false;
      }
      wire::append_bytes_end(body_);
    }
    if (!flush_pieces()) return false;
    while (window_ < body_.size() && !over_) take_one(-1);
    if (over_) return false;
    wire::append_frame(pending_, FrameType::call, 0, kCall, body_);
    link_.send(pending_, call_.deadline);
    window_ -= std::min<std::uint64_t>(window_, body_.size());
    return true;
  }

  // Sends what is more than a piece; the last piece stays, for it goes without the flag.
  bool flush_pieces() {
    while (body_.size() > wire::kPieceBytes) {
      while (window_ < wire::kPieceBytes && !over_) take_one(-1);
      if (over_) return false;
      wire::append_frame(pending_, FrameType::call, wire::flag::more, kCall,
                         std::string_view(body_).substr(0, wire::kPieceBytes));
      link_.send(pending_, call_.deadline);
      pending_.clear();
      body_.erase(0, wire::kPieceBytes);
      window_ -= wire::kPieceBytes;
    }
    return true;
  }

  static ssize_t read_some(int fd, char* buffer, std::size_t size) {
    for (;;) {
      const ssize_t n = ::read(fd, buffer, size);
      if (n >= 0) return n;
      if (errno != EINTR) throw system_error("cannot read the input", errno).with_fate(Fate::unknown);
    }
  }

  // Waits for input or a frame; false at the input's end.
  bool pump_input() {
    if (take_one(call_.input_fd) || over_) return true;
    if (!readable(call_.input_fd)) return true;
    std::array<char, wire::kPieceBytes> buffer;
    const ssize_t n =
        read_some(call_.input_fd, buffer.data(), std::min<std::uint64_t>(window_, buffer.size()));
    if (n > 0) send(FrameType::input, 0, {buffer.data(), static_cast<std::size_t>(n)});
    if (n == 0) send(FrameType::end_input, 0, {});
    window_ -= static_cast<std::uint64_t>(n);
    return n > 0;
  }

  static bool readable(int fd) {
    pollfd wait = {fd, POLLIN, 0};
    return ::poll(&wait, 1, 0) > 0;
  }

  // Handles one frame; false when it was the input, a signal or the deadline that woke us.
  bool take_one(int also) {
    // The runner ends the call at its deadline; the second is for its answer to arrive.
    const Deadline patience = call_.deadline.unlimited()
                                  ? Deadline()
                                  : Deadline::in(milliseconds(call_.deadline.remaining_ms() + 1000));
    const auto frame = link_.next(patience, also);
    if (events_.interrupted && !cancelled_ && events_.interrupted()) {
      cancelled_ = true;
      send(FrameType::cancel, 0, {});
    }
    if (!frame) {
      if (patience.passed())
        throw Error(ErrorKind::timed_out,
                    "the deadline passed and the runner did not say what became of the call")
            .with_fate(Fate::unknown);
      return false;
    }
    if (frame->type == FrameType::error && (frame->call == kCall || frame->call == 0))
      throw remote_error(frame->body);
    if (frame->call != kCall) return true;
    switch (frame->type) {
      case FrameType::output:
        events_.on_output(frame->body);
        break;
      case FrameType::window:
        if (frame->body.size() == 8) window_ += wire::get_u64(frame->body.data());
        break;
      case FrameType::log:
        log(frame->body);
        break;
      case FrameType::busy:
        throw Error(ErrorKind::busy, "every slot of the runner and its queue are taken", "try again later");
      case FrameType::result:
        events_.on_result(frame->body, frame->flags);
        over_ = !frame->has(wire::flag::more);
        break;
      default:
        break;
    }
    return true;
  }

  void log(std::string_view body) {
    boost::system::error_code why;
    const json::value value = json::parse(json::string_view(body.data(), body.size()), why);
    if (why || !value.is_object() || !value.as_object().contains("level") ||
        !value.as_object().contains("text"))
      return;
    events_.on_log(json::value_to<std::string>(value.at("level")),
                   json::value_to<std::string>(value.at("text")));
  }

  Link& link_;
  const Invocation& call_;
  const CallEvents& events_;
  std::uint64_t window_;
  std::string pending_;  // frames that go with the next message
  std::string body_;     // of the call, what is not sent yet
  bool over_ = false, cancelled_ = false;
};

}  // namespace

void run_call(Link& link, const Invocation& invocation, const CallEvents& events) {
  RunningCall(link, invocation, events).run();
}

}  // namespace flame::client
