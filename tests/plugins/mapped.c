/* What tests of map need: items that wait for a gate, and others that do not. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <flame/plugin.h>
#include <string.h>
#include <unistd.h>

static flame_value first(flame_call* call) {
  uint32_t count;
  return call->host->arguments(call, &count)[0];
}

/* "gate:PATH" waits for somebody to open and close that FIFO; every other text comes back at once. */
static int gate(flame_call* call) {
  char buffer[64];
  const flame_value text = first(call);
  if (strncmp(text.as.text, "gate:", 5) == 0) {
    const int fd = open(text.as.text + 5, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return 1;
    while (read(fd, buffer, sizeof buffer) > 0) continue;
    close(fd);
  }
  return call->host->result_string(call, text.as.text, text.count);
}

#define FUNCTIONS(F) F(gate, "(text: string) -> string", "", "", "")
FLAME_PLUGIN_C("mapped", "1.0", FUNCTIONS)
