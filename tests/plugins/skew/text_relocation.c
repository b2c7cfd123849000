/* A pointer in a read-only section: the loader would have to write there. */
#include "plain.h"
__asm__(".section .rodata\n.globl text_relocation\ntext_relocation: .quad flame_plugin_v1\n.text");
