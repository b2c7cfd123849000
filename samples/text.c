/* A streaming function, and one that takes bytes. */
#include <flame/plugin.h>

static int upper(flame_call *call) {
  static char buffer[64 * 1024];
  int64_t n;
  while ((n = call->host->read(call, buffer, sizeof buffer)) > 0) {
    for (int64_t i = 0; i < n; ++i) buffer[i] = (char)(buffer[i] >= 'a' && buffer[i] <= 'z' ? buffer[i] - 32 : buffer[i]);
    if (call->host->write(call, buffer, (uint64_t)n) != FLAME_OK) return 1;
  }
  return n < 0;
}

static int word_count(flame_call *call) {
  uint32_t count;
  const flame_value *text = call->host->arguments(call, &count);
  uint64_t words = 0;
  int inside = 0;
  for (uint64_t i = 0; i < text->count; ++i) {
    const uint8_t c = text->as.bytes[i];
    const int space = c == ' ' || (c >= '\t' && c <= '\r');
    words += inside == 0 && !space;
    inside = !space;
  }
  return call->host->result_u64(call, words);
}

#define FUNCTIONS(F)                                                                        \
  F(upper, "()", "Copies its input, ASCII letters in upper case.", "idempotent streaming", "") \
  F(word_count, "(text: bytes) -> u64", "Words between white space.", "idempotent", "")
FLAME_PLUGIN_C("text", "1.0", FUNCTIONS)
