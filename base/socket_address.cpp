#include "base/socket_address.hpp"

#include <arpa/inet.h>

#include <array>
#include <charconv>
#include <cstring>

#include "base/error.hpp"

namespace flame {

std::optional<SocketAddress> parse_socket_address(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string host(text.substr(0, colon));
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (failed != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  SocketAddress out;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
    out.v6.sin6_family = AF_INET6;
    out.v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.c_str(), &out.v6.sin6_addr) != 1) return std::nullopt;
    return out;
  }
  out.size = sizeof out.v4;
  out.v4.sin_family = AF_INET;
  out.v4.sin_port = htons(port);
  if (::inet_pton(AF_INET, host.c_str(), &out.v4.sin_addr) != 1) return std::nullopt;
  return out;
}

std::string SocketAddress::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (any.sa_family == AF_INET) {
    ::inet_ntop(AF_INET, &v4.sin_addr, buffer.data(), buffer.size());
    return std::string(buffer.data()) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (any.sa_family != AF_INET6) return "unix";
  ::inet_ntop(AF_INET6, &v6.sin6_addr, buffer.data(), buffer.size());
  return "[" + std::string(buffer.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un out{};
  out.sun_family = AF_UNIX;
  if (path.size() >= sizeof out.sun_path)
    throw Error(
        ErrorKind::config,
        "the socket path '" + path + "' is longer than " + std::to_string(sizeof out.sun_path - 1) + " bytes",
        "set XDG_RUNTIME_DIR to a shorter directory");
  std::memcpy(static_cast<void*>(out.sun_path), path.c_str(), path.size() + 1);
  return out;
}

}  // namespace flame
