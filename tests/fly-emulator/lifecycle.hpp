// What moves a machine from state to state (fact sheet §4). Verbs throw ApiError when they are refused; then
// nothing has changed.
#pragma once
#include <boost/json.hpp>
#include <string>

#include "errors.hpp"
#include "world.hpp"

namespace flame::fly {

struct NewMachine {
  std::string app, name, region;  // region: of this computer's choice already
  boost::json::object config;
  Image image;
  bool launch = true, cordoned = false, from_deploy = false, skip_secrets = false;
};
MachinePtr create_machine(World& world, NewMachine wanted);

State start_machine(World& world, Machine& machine);  // returns the state before
void stop_machine(World& world, Machine& machine, int signal, std::int64_t timeout_ms);
void suspend_machine(World& world, Machine& machine);
void restart_machine(World& world, Machine& machine, int signal, std::int64_t timeout_ms);
void update_machine(World& world, Machine& machine, boost::json::object config, Image image, bool launch);
void destroy_machine(World& world, Machine& machine, bool force);
void signal_machine(World& world, Machine& machine, int signal);

// Those whose host is gone by a fault stand still until it is removed.
void follow_host_faults(World& world);

}  // namespace flame::fly
