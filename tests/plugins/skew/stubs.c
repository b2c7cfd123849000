/* Stand-ins with the names and versions of newer libraries: linked against, never loaded. */
long __isoc23_strtol(const char *text, char **end, int base);
long __isoc23_strtol(const char *text, char **end, int base) { return text == 0 || end == 0 ? base : 0; }
void _ZSt21ios_base_library_initv(void);
void _ZSt21ios_base_library_initv(void) {}
int plain_old(void);
int plain_old(void) { return 0; }
int cblas_flame(void);
int cblas_flame(void) { return 1; }
