// Steps of a machine that take time, and what follows when its process ends. For lifecycle.cpp.
#pragma once
#include <functional>
#include <string_view>

#include "world.hpp"

namespace flame::fly {

FaultPlace place_of(const Machine& machine, std::string_view verb = {}, std::string_view step = {});

// Calls next when the step's time is over and no fault holds it, unless something else has begun meanwhile.
void after(World& world, Machine& machine, std::string_view step, std::int64_t delay_ms,
           std::function<void(Machine&)> next);
// Whatever was about to happen does not.
void interrupt(Machine& machine);

// Boots: starting → started. From any state that allows starting.
void boot(World& world, Machine& machine);
// Ends the process, if there is one, then calls next. SIGKILL after the time-out.
void end_process(World& world, Machine& machine, int signal, std::int64_t timeout_ms,
                 std::function<void(Machine&)> next);
void begin_removal(World& world, Machine& machine);  // → destroying
// destroying → destroyed.
void remove(World& world, Machine& machine);
void come_to_rest(World& world, Machine& machine);  // → stopped, or removed if auto_destroy

}  // namespace flame::fly
