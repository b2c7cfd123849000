#include <flame/plugin.h>
int missing_function_xyz(void);
static int call_it(flame_call *call) { return call->host->result_i64(call, missing_function_xyz()); }
#define FUNCTIONS(F) F(call_it, "() -> i64", "", "", "")
FLAME_PLUGIN_C("undefined", "1.0", FUNCTIONS)
