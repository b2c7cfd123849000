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
  std::size_t end;
  while ((end = raw_.find("\r\n\r\n")) == std::string::npos) {
    if (raw_.size() > kUpgradeMaxBytes) throw Error(ErrorKind::protocol, "the runner's answer is not HTTP");
    if (!fill(deadline, -1) && deadline.passed()) throw late("the runner was asked for its hello");
  }
  if (!raw_.starts_with("HTTP/1.1 101 "))
    throw Error(ErrorKind::protocol,
                "the runner refused the link: " + printable(raw_.substr(0, raw_.find("\r\n"))));
  raw_.erase(0, end + 4);
  take_messages();
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

void Link::send(std::string_view frames, Deadline deadline) { send_message(0x2, frames, deadline); }

void Link::send_message(unsigned char opcode, std::string_view payload, Deadline deadline) {
  std::string out;
  out += static_cast<char>(0x80 | opcode);
  if (payload.size() < 126) {
    out += static_cast<char>(0x80 | payload.size());
  } else {
    const int bytes = payload.size() < 65536 ? 2 : 8;
    out += static_cast<char>(0x80 | (bytes == 2 ? 126 : 127));
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
      out += static_cast<char>(payload.size() >> shift);
  }
  const std::string mask = random_bytes(4);  // RFC 6455 wants it of every client
  out += mask;
  const std::size_t from = out.size();
  out += payload;
  for (std::size_t i = 0; i < payload.size(); ++i)
    out[from + i] = static_cast<char>(out[from + i] ^ mask[i % 4]);
  for (std::size_t at = 0; at < out.size();) {
    const ssize_t n = ::send(fd_.get(), out.data() + at, out.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) at += static_cast<std::size_t>(n);
    if (n < 0 && errno == EAGAIN) {
      pollfd wait = {fd_.get(), POLLOUT, 0};
      if (::poll(&wait, 1, deadline.poll_timeout_ms()) == 0)
        throw late("the call was sent").with_fate(Fate::unknown);
    } else if (n < 0 && errno != EINTR) {
      throw lost(errno_text(errno));
    }
  }
}

bool Link::fill(Deadline deadline, int also) {
  std::array<pollfd, 2> wait = {pollfd{fd_.get(), POLLIN, 0}, pollfd{also, POLLIN, 0}};
  if (::poll(wait.data(), wait.size(), deadline.poll_timeout_ms()) <= 0) return false;
  if (wait[0].revents == 0) return false;
  std::array<char, 64 * 1024> buffer;
  const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
  if (n < 0) throw lost(errno_text(errno));
  if (n == 0) throw lost("it closed the link");
  raw_.append(buffer.data(), static_cast<std::size_t>(n));
  return true;
}

// Moves whole WebSocket messages from raw_ into frames_.
void Link::take_messages() {
  std::size_t at = 0;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(raw_[at + i]); };
  while (raw_.size() - at >= 2) {
    const unsigned opcode = byte(0) & 15U;
    std::uint64_t size = byte(1) & 127U;
    std::size_t head = 2;
    if ((byte(1) & 128U) != 0 || (byte(0) & 0x70U) != 0 || opcode == 1)
      throw Error(ErrorKind::protocol, "the runner sent what is not a binary WebSocket message");
    if (size >= 126) {
      head = size == 126 ? 4 : 10;
      if (raw_.size() - at < head) break;
      size = 0;
      for (std::size_t i = 2; i < head; ++i) size = size << 8 | byte(i);
    }
    if (size > wire::kMessageMaxBytes)
      throw Error(ErrorKind::protocol, "the runner sent a message of " + std::to_string(size) +
                                           " bytes; the limit is " + std::to_string(wire::kMessageMaxBytes));
    if (raw_.size() - at < head + size) break;
    const std::string payload = raw_.substr(at + head, size);
    if (opcode == 0 || opcode == 2) frames_.feed(payload);
    if (opcode == 8) closed_ = true;
    if (opcode == 9) send_message(0xA, payload, Deadline::in(std::chrono::seconds(5)));
    at += head + size;
  }
  raw_.erase(0, at);
}

std::optional<wire::Frame> Link::next(Deadline deadline, int also) {
  for (;;) {
    try {
      if (auto frame = frames_.next()) return frame;
      if (closed_) throw lost("it closed the link");
      if (!fill(deadline, also)) return std::nullopt;
      take_messages();
    } catch (Error& error) {
      error.with_fate(Fate::unknown);
      throw;
    }
  }
}

}  // namespace flame::client
