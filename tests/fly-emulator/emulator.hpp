// The emulator as a whole: makes the world, listens, serves until a signal, leaves nothing behind.
#pragma once
#include "options.hpp"

namespace flame::fly {

void run_emulator(Options options);

}  // namespace flame::fly
