#include "client/link/link.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kUpgradeMaxBytes = 16 * 1024;

Error lost(const std::string& why) {
  return Error(ErrorKind::lost, "the runner went away: " + why,
               "the function may have begun: run it again only if that does no harm")
      .with_fate(Fate::unknown);
}

Error late(const char* doing) {
  return Error(ErrorKind::timed_out, std::string("the deadline passed while ") + doing);
}

UniqueFd connect_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw Error(ErrorKind::config,
                "the socket path '" + path + "' is longer than " +
                    std::to_string(sizeof address.sun_path - 1) + " bytes",
                "set XDG_RUNTIME_DIR to a shorter directory");
  std::memcpy(static_cast<void*>(address.sun_path), path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_error("cannot make a socket", errno);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Error(ErrorKind::unreachable, "cannot connect to '" + path + "': " + errno_text(errno));
  return fd;
}

}  // namespace

Link::Link(const std::string& unix_path, Deadline deadline) : fd_(connect_unix(unix_path)) {
  try {
    upgrade(deadline);
    read_hello(deadline);
  } catch (Error& error) {
    // Before the hello nothing was asked: whatever happened, another try is safe.
    if (error.kind == ErrorKind::lost) error.kind = ErrorKind::unreachable;
    error.with_fate(Fate::never_begun).at_phase("connect");
    throw;
  }
}

void Link::upgrade(Deadline deadline) {
  const std::string request =
      "GET /v1/link HTTP/1.1\r\nHost: flame\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
      base64(random_bytes(16)) + "\r\n\r\n";
  if (::send(fd_.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size()))
    throw lost(errno_text(errno));
  std::string answer;
  std::size_t end;
  while ((end = answer.find("\r\n\r\n")) == std::string::npos) {
    if (answer.size() > kUpgradeMaxBytes) throw Error(ErrorKind::protocol, "the runner's answer is not HTTP");
    read_answer(answer, deadline);
  }
  if (!answer.starts_with("HTTP/1.1 101 "))
    throw Error(ErrorKind::protocol,
                "the runner refused the link: " + printable(answer.substr(0, answer.find("\r\n"))));
  take(std::string_view(answer).substr(end + 4));
}

void Link::read_answer(std::string& answer, Deadline deadline) {
  pollfd wait = {fd_.get(), POLLIN, 0};
  if (::poll(&wait, 1, deadline.poll_timeout_ms()) <= 0) {
    if (deadline.passed()) throw late("the runner was asked for its hello");
    return;
  }
  std::array<char, 16 * 1024> buffer;
  const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (n < 0) throw lost(errno_text(errno));
  if (n == 0) throw lost("it closed the link");
  answer.append(buffer.data(), static_cast<std::size_t>(n));
}

void Link::read_hello(Deadline deadline) {
  std::optional<wire::Frame> frame;
  while (!(frame = next(deadline)))
    if (deadline.passed()) throw late("the runner was asked for its hello");
  if (frame->type != wire::FrameType::hello)
    throw Error(ErrorKind::protocol, "the runner's first frame is not a hello");
  hello_ = frame->body;
  try {
    const auto hello = boost::json::parse(hello_);
    const auto& range = hello.at("protocol").as_array();
    if (range.at(0).to_number<int>() > 1 || range.at(1).to_number<int>() < 1)
      throw Error(ErrorKind::protocol, "the runner does not speak protocol 1, which this flame speaks",
                  "use the same version of flame on both sides");
    window_bytes_ = hello.at("window_bytes").to_number<std::uint64_t>();
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::protocol, std::string("the runner's hello cannot be read: ") + error.what());
  }
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
    if (n < 0) throw lost(errno_text(errno));
    sent_ += static_cast<std::size_t>(n);
  }
  out_.clear();
  sent_ = 0;
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

bool Link::receive() {
  std::array<char, 64 * 1024> buffer;
  ssize_t n;
  do n = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  while (n < 0 && errno == EINTR);
  if (n < 0 && errno == EAGAIN) return false;
  if (n < 0) throw lost(errno_text(errno));
  if (n == 0 || reader_.closed()) throw lost("it closed the link");
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
      if (reader_.closed()) throw lost("it closed the link");
      if (!fill(deadline, also)) return std::nullopt;
    } catch (Error& error) {
      error.with_fate(Fate::unknown);
      throw;
    }
  }
}

}  // namespace flame::client
