#include "runner/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "runner/log.hpp"

namespace flame::runner {
using boost::system::error_code;

namespace {

constexpr int kAcceptAtOnce = 64;
constexpr milliseconds kOutOfDescriptors{100};

union Address {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

Error bad_address(std::string_view text) {
  return Error(ErrorKind::config, "'" + std::string(text) + "' is not an address to listen at",
               "numbers only: 127.0.0.1:8080, [::1]:8080; port 0 picks one");
}

// "$FLY_PRIVATE_IP:8080": an engine tells a machine its address only when it runs.
std::string host_from_environment(const std::string& name, std::string_view text) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    throw Error(ErrorKind::config, "cannot listen at '" + std::string(text) + "': " + name + " is not set");
  const std::string_view host = value;
  return host.find(':') == std::string_view::npos ? std::string(host) : "[" + std::string(host) + "]";
}

socklen_t parse(std::string_view text, Address& out) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) throw bad_address(text);
  std::string host(text.substr(0, colon));
  if (host.starts_with("$")) host = host_from_environment(host.substr(1), text);
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc() || end != digits.data() + digits.size()) throw bad_address(text);
  std::memset(&out, 0, sizeof out);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &out.v6.sin6_addr) != 1) throw bad_address(text);
    return sizeof out.v6;
  }
  out.v4.sin_family = AF_INET;
  out.v4.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &out.v4.sin_addr) != 1) throw bad_address(text);
  return sizeof out.v4;
}

std::string address_text(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.any.sa_family == AF_INET) {
    ::inet_ntop(AF_INET, &address.v4.sin_addr, text.data(), text.size());
    return std::string(text.data()) + ":" + std::to_string(ntohs(address.v4.sin_port));
  }
  if (address.any.sa_family != AF_INET6) return "unix";
  ::inet_ntop(AF_INET6, &address.v6.sin6_addr, text.data(), text.size());
  return "[" + std::string(text.data()) + "]:" + std::to_string(ntohs(address.v6.sin6_port));
}

// Small frames go at once; a peer whose machine is gone is noticed although nothing is sent.
void tune_tcp(int fd) {
  const auto set = [fd](int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

}  // namespace

UniqueFd listen_tcp(std::string_view text) {
  Address address{};
  const socklen_t size = parse(text, address);
  UniqueFd fd(::socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), &address.any, size) != 0 || ::listen(fd.get(), 1024) != 0)
    throw system_error("cannot listen at " + std::string(text), errno);
  return fd;
}

std::string local_address(int fd) {
  Address address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, &address.any, &size) != 0) return "?";
  return address_text(address);
}

Listener::Listener(boost::asio::io_context& loop, UniqueFd fd, bool tcp, Taker taker)
    : socket_(loop, fd.get()), pause_(loop), tcp_(tcp), taker_(std::move(taker)) {
  set_nonblocking(fd.release());
}

void Listener::wait() {
  if (!socket_.is_open()) return;
  socket_.async_wait(boost::asio::posix::stream_descriptor::wait_read, [this](error_code failed) {
    if (!failed) accept_all();
  });
}

void Listener::accept_all() {
  for (int i = 0; i < kAcceptAtOnce && socket_.is_open(); ++i) {
    Address address{};
    socklen_t size = sizeof address;
    UniqueFd fd(::accept4(socket_.native_handle(), &address.any, &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) {
      if (tcp_) tune_tcp(fd.get());
      taker_(std::move(fd), tcp_ ? address_text(address) : "unix");
      continue;
    }
    if (errno == EINTR || errno == ECONNABORTED) continue;
    if (errno == EAGAIN) break;
    // Out of descriptors or memory: others must end first. Not a busy loop meanwhile.
    log(LogLevel::warning, "accept_failed", {{"why", errno_text(errno)}});
    pause_.expires_after(kOutOfDescriptors);
    pause_.async_wait([this](error_code failed) {
      if (!failed) wait();
    });
    return;
  }
  wait();
}

void Listener::close() {
  error_code ignored;
  pause_.cancel();
  socket_.close(ignored);
}

}  // namespace flame::runner
