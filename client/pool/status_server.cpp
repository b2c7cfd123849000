#include "client/pool/status_server.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.hpp"
#include "base/socket_address.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kRequestMaxBytes = 4096, kPeersMax = 32;
constexpr milliseconds kPatience{5'000};  // for a whole exchange
constexpr int kBacklog = 64;

const char* reason_of(unsigned status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 431:
      return "Request Header Fields Too Large";
    default:
      return "Service Unavailable";
  }
}

std::string message(const StatusPage& page, bool with_body) {
  std::string out = "HTTP/1.1 " + std::to_string(page.status) + " " + reason_of(page.status) +
                    "\r\nContent-Type: " + page.type +
                    "\r\nContent-Length: " + std::to_string(page.body.size()) + "\r\nConnection: close\r\n";
  if (page.status == 405) out += "Allow: GET, HEAD\r\n";
  return out + "\r\n" + (with_body ? page.body : "");
}

StatusPage short_page(unsigned status, const char* why) {
  return {status, "text/plain", std::string(why) + "\n"};
}

// The first line of a request decides; what else it says is of no use here.
std::string answer_to(std::string_view request, const StatusServer::Pages& pages) {
  const std::string_view line = request.substr(0, request.find("\r\n"));
  const std::size_t first = line.find(' ');
  const std::size_t second = first == line.npos ? first : line.find(' ', first + 1);
  if (second == line.npos || !line.substr(second + 1).starts_with("HTTP/1."))
    return message(short_page(400, "no HTTP request"), true);
  const std::string_view method = line.substr(0, first);
  std::string_view path = line.substr(first + 1, second - first - 1);
  path = path.substr(0, path.find('?'));
  if (method != "GET" && method != "HEAD") return message(short_page(405, "only GET and HEAD"), true);
  return message(pages(path), method == "GET");
}

// One that nobody listens at is a leftover of somebody who was killed.
bool is_stale(const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(address.sun_path, &status) != 0 || !S_ISSOCK(status.st_mode)) return false;
  const UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return probe && ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
         errno == ECONNREFUSED;
}

}  // namespace

StatusServer::StatusServer(const std::string& where) {
  if (where.starts_with("unix:"))
    listen_unix(where.substr(5));
  else
    listen_tcp(where);
  if (::listen(fd_.get(), kBacklog) != 0) throw system_error("cannot listen at '" + where + "'", errno);
}

StatusServer::~StatusServer() {
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
}

void StatusServer::listen_unix(const std::string& path) {
  const sockaddr_un address = unix_address(path);
  fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = ::umask(0177);  // this user's alone
  const auto bound = [&] {
    return ::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  };
  bool good = fd_ && bound();
  if (!good && errno == EADDRINUSE && is_stale(address)) {
    ::unlink(path.c_str());
    good = bound();
  }
  const int why = errno;
  ::umask(before);
  if (!good) throw system_error("cannot listen at 'unix:" + path + "'", why);
  unix_path_ = path;
}

void StatusServer::listen_tcp(const std::string& where) {
  const bool port_only = where.find_first_not_of("0123456789") == std::string::npos;
  const auto address = parse_socket_address(port_only ? "127.0.0.1:" + where : where);
  if (!address)
    throw Error(ErrorKind::usage, "--listen wants a port, ADDRESS:PORT or unix:PATH, got '" + where + "'",
                "numbers only: 127.0.0.1:9090, [::1]:9090");
  fd_ = UniqueFd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const int on = 1;
  if (fd_) ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (!fd_ || ::bind(fd_.get(), &address->any, address->size) != 0)
    throw system_error("cannot listen at '" + where + "'", errno);
}

std::string StatusServer::address() const {
  if (!unix_path_.empty()) return "unix:" + unix_path_;
  SocketAddress out;
  return ::getsockname(fd_.get(), &out.any, &out.size) == 0 ? out.text() : "";
}

// Of too many the oldest goes: it has had the most time.
void StatusServer::accept_all(Clock::time_point now) {
  for (;;) {
    UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!fd) return;
    if (peers_.size() >= kPeersMax) peers_.pop_front();
    peers_.push_back({std::move(fd), now + kPatience, "", "", false});
  }
}

bool StatusServer::over(Peer& peer, const Pages& pages) {
  std::array<char, kRequestMaxBytes> buffer;
  while (!peer.answering) {
    const ssize_t n = ::recv(peer.fd.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return false;
    if (n <= 0) return true;
    peer.request.append(buffer.data(), static_cast<std::size_t>(n));
    const std::size_t end = peer.request.find("\r\n\r\n");
    const bool too_long = std::min(end, peer.request.size()) > kRequestMaxBytes - 4;
    if (end == std::string::npos && !too_long) continue;
    peer.answer = too_long ? message(short_page(431, "a request that is too long"), true)
                           : answer_to(peer.request, pages);
    peer.answering = true;
  }
  while (!peer.answer.empty()) {
    const ssize_t n = ::send(peer.fd.get(), peer.answer.data(), peer.answer.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno != EAGAIN;
    peer.answer.erase(0, static_cast<std::size_t>(n));
  }
  return true;
}

void StatusServer::step(const Pages& pages) {
  const auto now = Clock::now();
  accept_all(now);
  std::erase_if(peers_, [&](Peer& peer) { return over(peer, pages) || now >= peer.until; });
}

void StatusServer::append_waits(std::vector<pollfd>& waits) const {
  waits.push_back({fd_.get(), POLLIN, 0});
  for (const Peer& peer : peers_)
    waits.push_back({peer.fd.get(), static_cast<short>(peer.answering ? POLLOUT : POLLIN), 0});
}

Clock::time_point StatusServer::wake_at() const {
  auto at = Clock::time_point::max();
  for (const Peer& peer : peers_) at = std::min(at, peer.until);
  return at;
}

}  // namespace flame::client
