int cblas_flame(void);
int middle(void);
int middle(void) { return cblas_flame(); }
