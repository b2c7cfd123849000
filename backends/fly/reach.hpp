// How a runner on a machine is reached from here: its private (6PN) address, or Fly's public proxy.
#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "backends/fly/api.hpp"
#include "backends/fly/machine.hpp"
#include "backends/fly/pool_config.hpp"

namespace flame::backend::fly {

// ADDRESS of backends/PROTOCOL.md through the proxy; starts the relay to it when none serves.
boost::json::object proxy_address(const Request& request, const PoolConfig& config, const std::string& app,
                                  const FlyMachine& machine);

// Throws Error(config) when the app has no public address that a proxy could take connections at.
void check_public_address(Api& api, Deadline deadline);

// What to try when a started machine does not answer: which of the two ways is open from here.
std::string reach_hint(const PoolConfig& config, const FlyMachine& machine);

}  // namespace flame::backend::fly
