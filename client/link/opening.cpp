#include "client/link/opening.hpp"

#include <netinet/tcp.h>
#include <poll.h>
#include <strings.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cerrno>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/plain_why.hpp"
#include "base/socket_address.hpp"
#include "base/text.hpp"
#include "client/link/accept_key.hpp"
#include "wire/frame.hpp"
#include "wire/proof.hpp"

namespace flame::client {
namespace json = boost::json;
namespace {

[[noreturn]] void cannot_connect(const Address& address, int errno_value) {
  const std::string what = "cannot connect to '" + address.text() + "': " + errno_text(errno_value);
  if (errno_value == ECONNREFUSED || errno_value == ENOENT)
    throw ConnectRefused(ErrorKind::unreachable, what);
  throw Error(ErrorKind::unreachable, what);
}

Error late() {
  return Error(ErrorKind::timed_out, "the deadline passed while a runner was to accept the connection");
}

// Where a runner's queue of connections is full, connect(2) waits no longer than a socket may send.
void limit_connect(int fd, Deadline deadline) {
  const std::uint64_t ms = deadline.unlimited() ? 0 : std::max<std::uint64_t>(deadline.remaining_ms(), 1);
  const timeval limit = {static_cast<time_t>(ms / 1000), static_cast<suseconds_t>(ms % 1000 * 1000)};
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

UniqueFd connect_unix(const Address& where, Deadline deadline) {
  const sockaddr_un address = unix_address(where.unix_path);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) throw system_error("cannot make a socket", errno);
  if (!deadline.unlimited()) limit_connect(fd.get(), deadline);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) throw late();
    cannot_connect(where, errno);
  }
  if (!deadline.unlimited()) limit_connect(fd.get(), Deadline());
  return fd;
}

UniqueFd connect_tcp(const Address& where) {
  const auto address = parse_socket_address(where.tcp);
  if (!address)
    throw Error(ErrorKind::config, "'" + printable(where.tcp) + "' is no address of a runner",
                "numbers only: 127.0.0.1:8080, [::1]:8080");
  UniqueFd fd(::socket(address->family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) throw system_error("cannot make a socket", errno);
  // Small frames go at once; a runner whose machine is gone is noticed although nothing is sent.
  const auto set = [&](int level, int option, int value) {
    ::setsockopt(fd.get(), level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
  if (::connect(fd.get(), &address->any, address->size) != 0 && errno != EINPROGRESS)
    cannot_connect(where, errno);
  return fd;
}

// The value of a header by its name in lower case; "" when there is none.
std::string_view header_of(std::string_view head, std::string_view name) {
  for (std::size_t at; (at = head.find("\r\n")) != std::string_view::npos;) {
    head.remove_prefix(at + 2);
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(':');
    if (colon != name.size() || ::strncasecmp(line.data(), name.data(), colon) != 0) continue;
    const std::string_view value = line.substr(colon + 1);
    const std::size_t from = value.find_first_not_of(" \t");
    return from == std::string_view::npos ? "" : value.substr(from, value.find_last_not_of(" \t") - from + 1);
  }
  return {};
}

Error not_ours(const std::string& why) {
  return Error(ErrorKind::refused, why,
               "it may be a machine that took over the address; nothing was sent to it");
}

}  // namespace

UniqueFd begin_connect(const Address& address, Deadline deadline) {
  return address.unix_path.empty() ? connect_tcp(address) : connect_unix(address, deadline);
}

bool finish_connect(const Address& address, int fd) {
  if (!address.unix_path.empty()) return true;
  pollfd now = {fd, POLLOUT, 0};
  if (::poll(&now, 1, 0) <= 0) return false;
  int failed = 0;
  socklen_t size = sizeof failed;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
  if (failed != 0) cannot_connect(address, failed);
  set_nonblocking(fd, false);
  return true;
}

Opening::Opening(const Address& address, const std::string& session_id)
    : token_(address.token), key_(base64(random_bytes(16))) {
  const bool named = std::any_of(address.headers.begin(), address.headers.end(),
                                 [](const auto& header) { return header.first == "Host"; });
  request_ = "GET /v1/link HTTP/1.1\r\n";
  if (!named) request_ += "Host: " + (address.tcp.empty() ? "flame" : address.tcp) + "\r\n";
  request_ +=
      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " + key_ +
      "\r\n";
  for (const auto& [name, value] : address.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos)
      throw Error(ErrorKind::config, "a header of the runner's address holds a line break");
    request_.append(name).append(": ").append(value).append("\r\n");
  }
  if (!token_.empty()) {
    nonce_ = wire::make_nonce();
    request_ += "Flame-Nonce: " + hex(nonce_) + "\r\n";
    if (!session_id.empty()) request_ += "Flame-Session: " + session_id + "\r\n";
  }
  request_ += "\r\n";
}

void Opening::check_answer(std::string_view head) const {
  if (head.starts_with("HTTP/1.1 101 ")) {
    if (header_of(head, "sec-websocket-accept") == accept_key(key_)) return;
    throw Error(ErrorKind::protocol, "the runner took the link without having read what we asked");
  }
  const std::string line = printable(head.substr(0, std::min<std::size_t>(head.find("\r\n"), 200)));
  if (head.starts_with("HTTP/1.1 401 "))
    throw Error(ErrorKind::refused, "the runner wants a token",
                "the engine's address has none: boot the runner anew, or set FLAME_SECRET as it is there");
  if (head.starts_with("HTTP/1.1 502 ") || head.starts_with("HTTP/1.1 504 "))
    throw Error(ErrorKind::unreachable, "the proxy does not reach the runner: " + line);
  if (head.starts_with("HTTP/1.1 503 "))
    throw Error(ErrorKind::unreachable, "the runner has no room for another connection", "try again later");
  throw Error(ErrorKind::protocol, "the runner refused the link: " + line);
}

Opening::Hello Opening::check_hello(std::string_view body, std::optional<std::uint64_t> received) const {
  Hello out;
  try {
    const json::value hello = json::parse(json::string_view(body.data(), body.size()));
    const auto& range = hello.at("protocol").as_array();
    if (range.at(0).to_number<int>() > 1 || range.at(1).to_number<int>() < 1)
      throw Error(ErrorKind::protocol, "the runner does not speak protocol 1, which this flame speaks",
                  "use the same version of flame on both sides");
    out.window_bytes = hello.at("window_bytes").to_number<std::uint64_t>();
    if (token_.empty()) return out;
    const auto text = [&](const char* key) {
      const json::value* value = hello.as_object().if_contains(key);
      return value != nullptr && value->is_string() ? json::value_to<std::string>(*value) : std::string();
    };
    if (const json::value* grace = hello.as_object().if_contains("link_grace_ms"))
      out.grace_ms = grace->to_number<std::uint64_t>();
    out.auth = auth_for(text("nonce"), text("proof"), received);
    return out;
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::protocol, "the runner's hello cannot be read: " + plain_why(error));
  }
}

std::uint64_t Opening::position_in(std::string_view resumed) {
  boost::system::error_code why;
  const json::value said = json::parse(json::string_view(resumed.data(), resumed.size()), why);
  const auto* object = why ? nullptr : said.if_object();
  const json::value* received = object != nullptr ? object->if_contains("received") : nullptr;
  if (received == nullptr) throw Error(ErrorKind::refused, "the runner has given the calls up");
  if (!received->is_int64() || received->get_int64() < 0)
    throw Error(ErrorKind::protocol, "the runner's count of received bytes is no count");
  return static_cast<std::uint64_t>(received->get_int64());
}

std::string Opening::auth_for(const std::string& nonce, const std::string& proof,
                              std::optional<std::uint64_t> received) const {
  const auto theirs = wire::read_nonce(nonce);
  if (!theirs) throw not_ours("the runner did not prove that it holds the token");
  const wire::Nonces nonces{nonce_, *theirs};
  if (!equal_constant_time(proof, wire::runner_proof(token_, nonces)))
    throw not_ours("the runner's proof is wrong: it does not hold this pool's token");
  std::string body = "{\"proof\":\"" + wire::client_proof(token_, nonces) + "\"";
  if (received) body += ",\"received\":" + std::to_string(*received);
  std::string frame;
  wire::append_frame(frame, wire::FrameType::auth, 0, 0, body + "}");
  return frame;
}

}  // namespace flame::client
