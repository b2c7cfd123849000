#include "runner/worker/border.h"

int flame_invoke(const flame_function *function, flame_call *call) { return function->invoke(call); }
