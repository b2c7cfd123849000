/* Its texts try to move the reader's cursor. */
#include <flame/plugin.h>
static int one(flame_call *call) { return call->host->result_i64(call, 1); }
#define FUNCTIONS(F) F(one, "() -> i64", "clear \\u001b[2J screen", "", "")
FLAME_PLUGIN_C("esc\\u001b]0;title\\u0007", "1\\r0", FUNCTIONS)
