/* Dies before it is loaded. */
#include <flame/plugin.h>
static int *volatile nowhere;
__attribute__((constructor)) static void at_load(void) { *nowhere = 1; }
static int never(flame_call *call) { return call->host->result_null(call); }
#define FUNCTIONS(F) F(never, "()", "", "", "")
FLAME_PLUGIN_C("crash_at_load", "1.0", FUNCTIONS)
