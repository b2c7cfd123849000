/* Built as if for AddressSanitizer. */
#include "plain.h"
void __asan_init(void);
FLAME_EXPORT void use_it(void);
FLAME_EXPORT void use_it(void) { __asan_init(); }
