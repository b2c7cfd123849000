#include "runner/listener.hpp"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/socket_address.hpp"
#include "runner/log.hpp"

namespace flame::runner {
using boost::system::error_code;

namespace {

constexpr int kAcceptAtOnce = 64;
constexpr milliseconds kOutOfDescriptors{100};

// "$FLY_PRIVATE_IP:8080": an engine tells a machine its address only when it runs.
std::string with_environment(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (!text.starts_with("$") || colon == std::string_view::npos) return std::string(text);
  const std::string name(text.substr(1, colon - 1));
  const char* value = std::getenv(name.c_str());
  if (value == nullptr || *value == '\0')
    throw Error(ErrorKind::config, "cannot listen at '" + std::string(text) + "': " + name + " is not set");
  const std::string host = value;
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + std::string(text.substr(colon));
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
  const auto address = parse_socket_address(with_environment(text));
  if (!address)
    throw Error(ErrorKind::config, "'" + std::string(text) + "' is not an address to listen at",
                "numbers only: 127.0.0.1:8080, [::1]:8080; port 0 picks one");
  UniqueFd fd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (!fd || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(fd.get(), &address->any, address->size) != 0 || ::listen(fd.get(), 1024) != 0)
    throw system_error("cannot listen at " + std::string(text), errno);
  return fd;
}

std::string local_address(int fd) {
  SocketAddress address;
  if (::getsockname(fd, &address.any, &address.size) != 0) return "?";
  return address.text();
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
    SocketAddress address;
    UniqueFd fd(
        ::accept4(socket_.native_handle(), &address.any, &address.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (fd) {
      if (tcp_) tune_tcp(fd.get());
      taker_(std::move(fd), tcp_ ? address.text() : "unix");
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
