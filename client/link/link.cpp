#include "client/link/link.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "client/link/opening.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kUpgradeMaxBytes = 16 * 1024;
constexpr int kGoingAway = 1001, kPolicy = 1008;  // close codes of RFC 6455

Error lost(const std::string& why) {
  return Error(ErrorKind::lost, "the runner went away: " + why,
               "the function may have begun: run it again only if that does no harm")
      .with_fate(Fate::unknown);
}

Error late(const char* doing) {
  return Error(ErrorKind::timed_out, std::string("the deadline passed while ") + doing);
}

// Before the hello nothing was asked: whatever happened, another try is safe.
template <class Do>
auto before_hello(Do what) {
  try {
    return what();
  } catch (Error& error) {
    if (error.kind == ErrorKind::lost || error.kind == ErrorKind::draining)
      error = Error(ErrorKind::unreachable, error.message);
    error.with_fate(Fate::never_begun).at_phase("connect");
    throw;
  }
}

}  // namespace

struct Link::Beginning {
  explicit Beginning(const Address& to) : address(to), opening(to) {}
  enum class Stage : std::uint8_t { connect, answer, hello };
  Address address;
  Opening opening;
  Stage stage = Stage::connect;
  std::string answer;
};

Link::Link(const Address& address) { begin(address, Deadline::in(milliseconds(1))); }
Link::~Link() = default;

Link::Link(const Address& address, Deadline deadline) {
  begin(address, deadline);
  do {
    pollfd wait = {fd_.get(), opening_events(), 0};
    if (::poll(&wait, 1, deadline.poll_timeout_ms()) > 0 || !deadline.passed()) continue;
    Error error = beginning_->stage == Beginning::Stage::connect
                      ? Error(ErrorKind::unreachable,
                              "cannot connect to '" + address.text() + "': no answer before the deadline")
                      : late("the runner was asked for its hello");
    throw error.with_fate(Fate::never_begun).at_phase("connect");
  } while (!proceed());
}

void Link::begin(const Address& address, Deadline deadline) {
  before_hello([&] {
    beginning_ = std::make_unique<Beginning>(address);
    fd_ = begin_connect(address, deadline);
    if (finish_connect(address, fd_.get())) request();
  });
}

bool Link::proceed() {
  return before_hello([&] { return step(); });
}

short Link::opening_events() const {
  return beginning_ && beginning_->stage == Beginning::Stage::connect ? POLLOUT : POLLIN;
}

bool Link::step() {
  if (!beginning_) return true;
  if (beginning_->stage == Beginning::Stage::connect) {
    if (finish_connect(beginning_->address, fd_.get())) request();
    return false;
  }
  if (beginning_->stage == Beginning::Stage::answer)
    read_answer();
  else
    receive();
  if (beginning_->stage != Beginning::Stage::hello || !read_hello()) return false;
  beginning_.reset();
  return true;
}

void Link::request() {
  const std::string& request = beginning_->opening.request();
  if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    throw lost(errno_text(errno));
  beginning_->stage = Beginning::Stage::answer;
}

void Link::read_answer() {
  std::array<char, 16 * 1024> buffer;
  const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n < 0) throw lost(errno_text(errno));
  if (n == 0) throw lost("it closed the link");
  std::string& answer = beginning_->answer;
  answer.append(buffer.data(), static_cast<std::size_t>(n));
  const std::size_t end = answer.find("\r\n\r\n");
  if (end == std::string::npos && answer.size() > kUpgradeMaxBytes)
    throw Error(ErrorKind::protocol, "the runner's answer is not HTTP");
  if (end == std::string::npos) return;
  beginning_->opening.check_answer(std::string_view(answer).substr(0, end));
  beginning_->stage = Beginning::Stage::hello;
  take(std::string_view(answer).substr(end + 4));
}

bool Link::read_hello() {
  const auto frame = frames_.next();
  if (!frame && reader_.closed()) throw ended();
  if (!frame) return false;
  if (frame->type != wire::FrameType::hello)
    throw Error(ErrorKind::protocol, "the runner's first frame is not a hello");
  hello_ = frame->body;
  const Opening::Hello hello = beginning_->opening.check_hello(hello_);
  window_bytes_ = hello.window_bytes;
  if (hello.auth.empty()) return true;
  queue(hello.auth);  // in a message of its own
  flush();
  return true;
}

void Link::send(std::string_view frames, Deadline deadline) {
  queue(frames);
  send_out(deadline);
}

void Link::queue(std::string_view frames) { writer_.append(out_, Opcode::binary, frames); }

void Link::flush() {
  while (sent_ < out_.size()) {
    const ssize_t n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) throw cannot_send(errno);
    sent_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  sent_ = 0;
}

// What the runner said before it went, if it said why, counts more.
Error Link::cannot_send(int errno_value) {
  try {
    while (receive()) {
    }
  } catch (const Error& error) {
    if (error.kind == ErrorKind::draining || error.kind == ErrorKind::refused) return error;
    if (error.kind == ErrorKind::protocol) return Error(error).with_fate(Fate::unknown);
  }
  return lost(errno_text(errno_value));
}

void Link::send_out(Deadline deadline) {
  for (flush(); queued_bytes() > 0; flush()) {
    pollfd wait = {fd_.get(), POLLOUT, 0};
    if (::poll(&wait, 1, deadline.poll_timeout_ms()) == 0)
      throw late("the call was sent").with_fate(Fate::unknown);
  }
}

void Link::take(std::string_view bytes) {
  reader_.feed(bytes, frames_);
  std::string ping;
  if (!reader_.take_ping(ping)) return;
  writer_.append(out_, Opcode::pong, ping);
  flush();
}

// A runner says 1001 only when it has answered all that it took (PROTOCOL.md §4, "Leaving").
Error Link::ended() const {
  if (reader_.close_code() == kGoingAway)
    return Error(ErrorKind::draining, "the runner left before the call began", "run it again");
  if (reader_.close_code() == kPolicy)
    return Error(ErrorKind::refused, "the runner did not accept our proof", "see the log of the runner");
  return lost("it closed the link");
}

bool Link::receive() {
  std::array<char, 64 * 1024> buffer;
  ssize_t n;
  do n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return false;
  if (n < 0) throw lost(errno_text(errno));
  if (n == 0 || reader_.closed()) throw ended();
  take({buffer.data(), static_cast<std::size_t>(n)});
  return true;
}

bool Link::fill(Deadline deadline, int also) {
  std::array<pollfd, 2> wait = {pollfd{fd_.get(), POLLIN, 0}, pollfd{also, POLLIN, 0}};
  if (::poll(wait.data(), wait.size(), deadline.poll_timeout_ms()) <= 0) return false;
  return wait[0].revents != 0 && receive();
}

std::optional<wire::Frame> Link::next(Deadline deadline, int also) {
  for (;;) {
    try {
      if (auto frame = frames_.next()) return frame;
      if (reader_.closed()) throw ended();
      if (!fill(deadline, also)) return std::nullopt;
    } catch (Error& error) {
      const bool never = error.kind == ErrorKind::draining || error.kind == ErrorKind::refused;
      error.with_fate(never ? Fate::never_begun : Fate::unknown);
      throw;
    }
  }
}

}  // namespace flame::client
