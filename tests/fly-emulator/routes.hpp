// The table of the API's routes. The action names a rate limit, and a fault's verb.
#pragma once
#include <cstdint>
#include <span>
#include <string_view>

#include "exchange.hpp"

namespace flame::fly {

enum class Access : std::uint8_t { open, read, write, exec };

struct Route {
  std::string_view method, pattern, action;  // action empty: of the emulator itself
  Access access;
  void (*handler)(Exchange&);
};
std::span<const Route> routes();

}  // namespace flame::fly
