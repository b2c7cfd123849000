// To which machine the proxy sends a request.
#pragma once
#include <cstdint>
#include <map>
#include <string>

#include "http.hpp"
#include "world.hpp"

namespace flame::fly {

struct Service {
  std::uint16_t internal_port = 0;
  bool autostart = false, stops = false, suspends = false;
  std::int64_t hard_limit = 0;       // 0: none
  std::int64_t idle_timeout_ms = 0;  // 0: the setting's
  std::int64_t min_running = 0;
};
// The machine's service behind this public port.
std::optional<Service> service_at(const Machine& machine, std::uint16_t public_port);

// Its first one, whatever the port.
std::optional<Service> any_service(const Machine& machine);

using Loads = std::map<std::string, int>;  // proxied connections by machine

struct Choice {
  MachinePtr machine;  // none: refused with status and why
  Service service;
  std::string unavailable;  // the preferred machine that it is not
  unsigned status = 0;
  std::string why;
};
Choice choose_machine(const World& world, const Request& request, std::uint16_t public_port,
                      const Loads& loads);

}  // namespace flame::fly
