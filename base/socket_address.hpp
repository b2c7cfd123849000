// Numeric TCP addresses as text: "127.0.0.1:8080", "[::1]:8080". No names: static programs cannot resolve
// them. And those of Unix sockets.
#pragma once
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <optional>
#include <string>
#include <string_view>

namespace flame {

struct SocketAddress {
  union {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
  };
  socklen_t size = 0;

  SocketAddress() : v6{}, size(sizeof v6) {}
  int family() const { return any.sa_family; }
  std::string text() const;  // as it is parsed; "unix" for what is neither IPv4 nor IPv6
};

std::optional<SocketAddress> parse_socket_address(std::string_view text);

// Throws Error(config) for a path that is too long for one.
sockaddr_un unix_address(const std::string& path);

}  // namespace flame
