/* A type that nobody knows. */
#include <flame/plugin.h>
static int one(flame_call *call) { return call->host->result_i64(call, 1); }
#define FUNCTIONS(F) F(one, "(a: complex) -> i64", "", "", "")
FLAME_PLUGIN_C("bad", "1.0", FUNCTIONS)
