// From a machine's record to what its process gets: command, environment, files, disk.
#pragma once
#include "world.hpp"

namespace flame::fly {

ProcessPlan process_plan(World& world, const Machine& machine);

// Tells the machine's clock how far it is behind.
void write_clock_page(const Machine& machine);

}  // namespace flame::fly
