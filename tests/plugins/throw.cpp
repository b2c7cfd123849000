// What faults.c cannot do in C: throw.
#include <flame/plugin.h>

#include <cstring>
#include <stdexcept>

extern "C" {
int throw_caught(flame_call* call);
int throw_escaped(flame_call* call);
}

int throw_caught(flame_call* call) {
  try {
    throw std::runtime_error("thrown on purpose");
  } catch (const std::exception& error) {
    call->host->fail(call, 1, "std::runtime_error", error.what(), std::strlen(error.what()));
  }
  return 1;
}

// Breaks the ABI's rule that no exception may leave a function.
int throw_escaped(flame_call*) { throw std::runtime_error("this went through the border"); }
