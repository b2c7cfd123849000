/* Needs a library beside it, which needs one that images seldom have. */
#include "plain.h"
int middle(void);
FLAME_EXPORT int use_it(void);
FLAME_EXPORT int use_it(void) { return middle(); }
