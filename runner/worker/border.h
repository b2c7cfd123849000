// Where an exception that leaves a plugin stops. This one function is compiled without unwind tables: the
// plugin's own C++ runtime, which alone knows the exception's type and text, finds no way past it, says both on stderr
// and aborts. A catch or noexcept of ours would lose them: the worker has a C++ runtime of its own.
#ifndef FLAME_RUNNER_WORKER_BORDER_H
#define FLAME_RUNNER_WORKER_BORDER_H
#include <flame/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif
int flame_invoke(const flame_function *function, flame_call *call);
#ifdef __cplusplus
}
#endif
#endif
