/* The library that travels.so needs. */
int shipped_number(void);
int shipped_number(void) { return 4711; }
