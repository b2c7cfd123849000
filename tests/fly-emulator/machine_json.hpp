// A machine as the API shows it.
#pragma once
#include <boost/json.hpp>

#include "machine.hpp"

namespace flame::fly {

struct MachineView {
  bool summary = false, include_lease = false;
};
boost::json::object machine_json(const Machine& machine, MachineView view = {});
boost::json::object event_json(const Event& event);
boost::json::object lease_json(const Lease& lease);

}  // namespace flame::fly
