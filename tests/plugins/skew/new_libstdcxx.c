/* Needs what programs built with g++ 13 need. */
#include "plain.h"
void _ZSt21ios_base_library_initv(void);
FLAME_EXPORT void use_it(void);
FLAME_EXPORT void use_it(void) { _ZSt21ios_base_library_initv(); }
