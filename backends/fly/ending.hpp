// Why a machine ended, for the person who has to find out: its exit event and the last lines of its log.
#pragma once
#include <string>

#include "backends/fly/api.hpp"
#include "backends/fly/machine.hpp"
#include "base/error.hpp"

namespace flame::backend::fly {

// The last lines of a machine's log; most 0: all that are kept. Throws Error.
std::string log_lines(Api& api, const std::string& id, std::size_t most, Deadline deadline);

// "the machine … ended before it was ready: it exited with 127", hint: its log. Error(unreachable) where its
// runner was up and left, idle, or somebody asked it to stop. Asks the API; never throws.
Error ended_early(Api& api, const FlyMachine& machine);
// The same of one that others made. Error(unreachable) where it left by itself, as idle ones do.
Error how_it_left(Api& api, const FlyMachine& machine);

}  // namespace flame::backend::fly
