// A worker that a debugger is to look at waits for it, with its plugin loaded and its first call at hand.
#pragma once
#include "flame/plugin.h"

namespace flame::worker {

void expect_debugger();  // --wait-for-debugger
bool debugger_expected();
bool is_traced();  // also where that cannot be known
// Before the first call: until a debugger traces us or SIGCONT comes (it could not, or has gone). The address
// of the function is then in the variable flame_called_function, which debuggers find by its name.
void wait_for_debugger(const flame_function& function);

}  // namespace flame::worker
