// How the other end of an upgrade proves that it has read our key (RFC 6455 §4.2.2).
#pragma once
#include <string>
#include <string_view>

namespace flame::client {

// What Sec-WebSocket-Accept must be for this Sec-WebSocket-Key.
std::string accept_key(std::string_view key);

}  // namespace flame::client
