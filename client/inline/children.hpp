// Processes of a runner of this computer, found through /proc.
#pragma once
#include <sys/types.h>

namespace flame::client {

// The first worker of a runner that has one slot: the runner's child is a worker's nanny, and hers is the
// worker. -1: there is none.
pid_t worker_of(pid_t runner);

}  // namespace flame::client
