/* The smallest plugin: what is odd about it stands in the file that includes this. */
#include <flame/plugin.h>
static int one(flame_call *call) { return call->host->result_i64(call, 1); }
#define FUNCTIONS(F) F(one, "() -> i64", "One.", "idempotent", "")
FLAME_PLUGIN_C("skew", "1.0", FUNCTIONS)
