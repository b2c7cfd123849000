/* Needs what programs built with glibc 2.38 need. */
#include "plain.h"
long __isoc23_strtol(const char *text, char **end, int base);
FLAME_EXPORT long use_it(void);
FLAME_EXPORT long use_it(void) { return __isoc23_strtol("1", NULL, 10); }
