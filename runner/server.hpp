// The listening side as a whole: who may connect, how many, and the runner's end.
#pragma once
#include "runner/options.hpp"

namespace flame::runner {

// Serves until it leaves (design: idle, drained, past its lifetime, not to be found any more). Single thread.
// Throws Error(config, system) when it cannot begin.
void serve(Options options);

}  // namespace flame::runner
