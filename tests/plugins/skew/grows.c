/* Keeps what it allocates, forever. */
#include <flame/plugin.h>
#include <stdlib.h>
#include <string.h>

static int grows(flame_call *call) {
  static void *volatile kept;
  void *more = malloc(4096);
  if (more == NULL) return 1;
  memset(more, 1, 4096);
  kept = more;
  return call->host->result_i64(call, kept != NULL);
}
#define FUNCTIONS(F) F(grows, "() -> i64", "Leaks 4 KiB.", "", "")
FLAME_PLUGIN_C("grows", "1.0", FUNCTIONS)
