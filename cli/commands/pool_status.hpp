// What is known of each runner of a pool: the engine's words and the runner's own.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "client/pool/pool.hpp"

namespace flame::cli {

// The members of one object of `flame pool status --json`. Asks the runner, for 2 s at most.
boost::json::object runner_status(client::Pool& pool, const client::Machine& machine, Deadline deadline);
bool is_idle(const boost::json::object& runner);
// As a table for people.
std::string status_table(const boost::json::array& runners);
// "$0.0731/h"
std::string hourly(double usd_per_second);

}  // namespace flame::cli
