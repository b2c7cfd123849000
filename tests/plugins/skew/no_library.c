/* Needs a library that images seldom have. */
#include "plain.h"
int cblas_flame(void);
FLAME_EXPORT int use_it(void);
FLAME_EXPORT int use_it(void) { return cblas_flame(); }
