// What the machines would have cost, by the second (fact sheet §6).
#pragma once
#include <boost/json.hpp>

#include "world.hpp"

namespace flame::fly {

boost::json::object bill(const World& world);

}  // namespace flame::fly
