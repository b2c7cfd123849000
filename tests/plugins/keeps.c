/* Tells all that it was given, then dies. */
#include <flame/plugin.h>
#include <stdio.h>
#include <stdlib.h>

static int die_at_once(flame_call* call) {
  volatile int* volatile nowhere = NULL;
  (void)call;
  *nowhere = 1;
  return 0;
}
static int die_with(flame_call* call) {
  uint32_t count;
  const flame_value* a = call->host->arguments(call, &count);
  char input[64], text[512];
  uint64_t size = 0;
  for (int64_t n; (n = call->host->read(call, input + size, sizeof input - size)) > 0;) size += (uint64_t)n;
  const char* fruit = getenv("FRUIT");
  const int length = snprintf(text, sizeof text, "%.*s|%.*s|%.*s|%.*s|%s", (int)a[0].count, a[0].as.text,
                              (int)a[1].count, a[1].as.text, (int)a[2].count, (const char*)a[2].as.bytes,
                              (int)size, input, fruit != NULL ? fruit : "none");
  call->host->log(call, FLAME_LOG_INFO, text, (uint64_t)length);
  return die_at_once(call);
}

#define FUNCTIONS(F)                                                           \
  F(die_with, "(text: string, value: json, data: bytes)", "", "streaming", "") \
  F(die_at_once, "()", "", "streaming", "")
FLAME_PLUGIN_C("keeps", "1.0", FUNCTIONS)
