#include "client/link/link.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "client/link/link_beginning.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kUpgradeMaxBytes = 16 * 1024;
constexpr std::uint64_t kGraceMaxMs = 3'600'000;
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

Link::Link(const Address& address) { begin(address, Deadline::in(milliseconds(1))); }
Link::~Link() {
  if (lasting_ && !is_lost()) say_goodbye();
}

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
    // On a Unix socket with nobody between, the end of a connection is the end of a process.
    const bool may_last = !address.token.empty();
    beginning_ = std::make_unique<Beginning>(address, lasting_   ? lasting_->id
                                                      : may_last ? wire::make_session_id()
                                                                 : std::string());
    fd_ = begin_connect(address, deadline);
    if (finish_connect(address, fd_.get())) request();
  });
}

bool Link::proceed() {
  return before_hello([&] { return step(); });
}

short Link::events() const {
  if (beginning_) return opening_events();
  return sent_ < out_.size() ? POLLIN | POLLOUT : POLLIN;
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
    receive_now();
  if (beginning_->stage == Beginning::Stage::hello && !read_hello()) return false;
  if (beginning_->stage == Beginning::Stage::resumed && !read_resumed()) return false;
  if (beginning_->stage < Beginning::Stage::hello) return false;
  // What nobody has taken comes again on a link that is made again.
  frames_ = wire::FrameReader();
  frames_.feed(beginning_->frames.rest());
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
  const auto frame = beginning_->frames.next();
  if (!frame && reader_.closed()) throw ended();
  if (!frame) return false;
  if (frame->type != wire::FrameType::hello)
    throw Error(ErrorKind::protocol, "the runner's first frame is not a hello");
  hello_ = frame->body;
  const Opening::Hello hello = beginning_->opening.check_hello(
      hello_, lasting_ ? std::optional(lasting_->received.position()) : std::nullopt);
  window_bytes_ = hello.window_bytes;
  if (hello.auth.empty()) return true;
  if (lasting_ && hello.grace_ms == 0)
    throw Error(ErrorKind::refused, "the runner there knows nothing of the calls");
  writer_.append(out_, Opcode::binary, hello.auth);  // in a message of its own
  flush_now();
  if (lasting_) {
    beginning_->stage = Beginning::Stage::resumed;
    lasting_->farewell.remember(fd_.get());
  } else if (hello.grace_ms > 0 && !beginning_->session_id.empty()) {
    lasting_ = std::make_unique<Lasting>();
    lasting_->id = beginning_->session_id;
    lasting_->address = beginning_->address;
    lasting_->grace = milliseconds(std::min(hello.grace_ms, kGraceMaxMs));
    lasting_->farewell.remember(fd_.get());
  }
  return true;
}

void Link::send(std::string_view frames, Deadline deadline) {
  queue(frames);
  send_out(deadline);
}

void Link::queue(std::string_view frames) {
  if (lasting_) return lasting_->sent.append(frames);
  writer_.append(out_, Opcode::binary, frames);
}

std::size_t Link::queued_bytes() const {
  return out_.size() - sent_ + (lasting_ ? lasting_->sent.unsent().size() : 0);
}

// The next message, once the one before has left.
void Link::fill_out() {
  if (sent_ < out_.size()) return;
  out_.clear();
  sent_ = 0;
  if (!lasting_ || beginning_) return;
  if (lasting_->received.owes()) {
    std::string told;
    lasting_->received.append_to(told);
    writer_.append(out_, Opcode::binary, told);
  }
  // Whoever blocks reads no count of what came while he sends.
  const std::string_view frames =
      lasting_->sent.next_message(outlives_losses_ ? wire::kReplayMaxBytes : SIZE_MAX);
  if (!frames.empty()) writer_.append(out_, Opcode::binary, frames);
}

void Link::flush() {
  if (is_lost()) return;
  try {
    flush_now();
  } catch (const Error& error) {
    lose(error);
  }
}

void Link::flush_now() {
  for (fill_out(); sent_ < out_.size(); fill_out()) {
    const ssize_t n =
        ::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) throw cannot_send(errno);
    sent_ += static_cast<std::size_t>(n);
  }
}

// What the runner said before it went, if it said why, counts more.
Error Link::cannot_send(int errno_value) {
  try {
    while (receive_now()) {
    }
  } catch (const Error& error) {
    if (error.kind == ErrorKind::draining || error.kind == ErrorKind::refused) return error;
    if (error.kind == ErrorKind::protocol) return Error(error).with_fate(Fate::unknown);
  }
  return lost(errno_text(errno_value));
}

void Link::send_out(Deadline deadline) {
  for (flush(); sent_ < out_.size(); flush()) {
    pollfd wait = {fd_.get(), POLLOUT, 0};
    if (::poll(&wait, 1, deadline.poll_timeout_ms()) == 0)
      throw late("the call was sent").with_fate(Fate::unknown);
  }
}

void Link::take(std::string_view bytes) {
  reader_.feed(bytes, beginning_ ? beginning_->frames : frames_);
  std::string ping;
  if (!reader_.take_ping(ping)) return;
  writer_.append(out_, Opcode::pong, ping);
  flush_now();
}

// A runner says 1001 only when it has answered all that it took (PROTOCOL.md §4, "Leaving").
Error Link::ended() const {
  if (reader_.close_code() == kGoingAway)
    return Error(ErrorKind::draining, "the runner left before the call began", "run it again");
  if (reader_.close_code() == kPolicy)
    return Error(ErrorKind::refused, "the runner did not accept our proof", "see the log of the runner");
  return lost("it closed the link");
}

// What is not of the session is taken here. Meanwhile what has come waits: the runner was told, or will be,
// how much was taken.
std::optional<wire::Frame> Link::next_of_session() {
  if (is_lost()) return std::nullopt;
  while (auto frame = frames_.next()) {
    if (frame->type != wire::FrameType::received) {
      lasting_->received.count(*frame);
      return frame;
    }
    lasting_->sent.acknowledge(wire::read_position(*frame));
  }
  return std::nullopt;
}

bool Link::receive() {
  if (is_lost()) return redial();
  try {
    return receive_now();
  } catch (const Error& error) {
    lose(error);
    return false;
  }
}

bool Link::receive_now() {
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
  for (;;) {
    if (lasting_) flush();  // tells what has come
    std::array<pollfd, 2> wait = {pollfd{fd_.get(), lasting_ ? events() : short{POLLIN}, 0},
                                  pollfd{also, POLLIN, 0}};
    if (::poll(wait.data(), wait.size(), deadline.poll_timeout_ms()) <= 0) return false;
    if ((wait[0].revents & ~POLLOUT) != 0) return receive();
    if (wait[1].revents != 0) return false;
  }
}

std::optional<wire::Frame> Link::next(Deadline deadline, int also) {
  for (;;) {
    try {
      if (auto frame = next_received()) return frame;
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
