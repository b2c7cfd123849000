// The middle of `flame run` and `flame replay`: a call that is ready is made, and its end told.
#pragma once
#include <functional>

#include "cli/commands/run_options.hpp"
#include "cli/commands/run_target.hpp"
#include "cli/ui/phase_times.hpp"
#include "client/call.hpp"
#include "client/config/config.hpp"

namespace flame::cli {

// rewind: the call's sources begin again, for another runner. Results go to stdout, the rest to stderr.
// Throws Error when the call does not end well.
void make_call(const RunOptions& options, Target& target, const client::Config& config,
               const client::Invocation& call, PhaseTimes& times, const std::function<void()>& rewind);

}  // namespace flame::cli
