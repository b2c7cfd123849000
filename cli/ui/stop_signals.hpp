// SIGINT, SIGTERM, SIGHUP while a call runs: the first asks to stop, the second ends flame at once.
#pragma once
#include "base/clock.hpp"

namespace flame::cli {

// From now on; what was ignored when flame was started stays so. Also wakes a write that blocks past the
// deadline.
void catch_stop_signals(Deadline deadline);
// Until they are caught again one just ends us, as one that has come meanwhile does now.
void release_stop_signals();
// When nobody reads our output we die of it as always, but not before the runner is told.
void catch_broken_pipe();
bool stop_asked();
bool alarm_passed();  // the deadline and a little more
int stop_wake_fd();   // readable once a signal has come
// Dies of the signal that asked to stop, so that a shell loop stops too. Returns when none did.
void die_of_stop_signal();

}  // namespace flame::cli
