// A nanny that is killed cannot end what its worker had started. The worker dies with it; the rest comes to
// the runner, which adopts orphans, and is ended here.
#pragma once
#include <sys/types.h>

#include <set>

namespace flame::runner {

// The nannies that live: all other children of this process are orphans.
std::set<pid_t>& nannies();

// Kills every orphan and reaps those that are dead. True when none is left: they hand their own children to
// us.
bool end_orphans();

}  // namespace flame::runner
