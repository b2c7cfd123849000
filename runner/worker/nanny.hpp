// The nanny: the small process between a runner and a worker. It is the subreaper of all that the worker
// starts, so that nothing outlives the worker, whatever it forked or called setsid on.
#pragma once

namespace flame::worker {

// Forks. Returns in the worker (the child). The nanny itself never returns: it waits, kills what is left,
// writes SharedPage::end and exits. SIGTERM tells it to kill the worker.
void become_nanny();

}  // namespace flame::worker
