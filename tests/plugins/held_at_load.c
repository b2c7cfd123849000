/* Is loaded only once the FIFO beside it, its own name with .gate, was written to; at once when there is
 * none. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <flame/plugin.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void at_load(void) {
  Dl_info own;
  char gate[4096];
  static const int here;
  if (dladdr(&here, &own) == 0) return;
  snprintf(gate, sizeof gate, "%s.gate", own.dli_fname);
  const int fd = open(gate, O_RDONLY | O_CLOEXEC);
  if (fd >= 0) close(fd);
}
static int loaded(flame_call* call) { return call->host->result_bool(call, 1); }
#define FUNCTIONS(F) F(loaded, "() -> bool", "", "", "")
FLAME_PLUGIN_C("held_at_load", "1.0", FUNCTIONS)
