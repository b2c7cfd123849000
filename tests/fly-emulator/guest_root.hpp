// A machine's root: its image below, what it writes above, in a mount namespace of its own.
#pragma once
#include <string>

#include "process.hpp"

namespace flame::fly {

// New user, mount and pid namespaces for the caller (the next child is pid 1). Empty on success, else why
// not.
std::string enter_namespaces();

// In the new namespaces, as pid 1: makes the root and goes there. Throws Error(system).
void enter_root(const ProcessPlan& plan);

}  // namespace flame::fly
