/* Functions that go wrong in every way, for the tests. */
#define _GNU_SOURCE
#include <flame/plugin.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static flame_value first(flame_call *call) {
  uint32_t count;
  return call->host->arguments(call, &count)[0];
}

static int fail_with(flame_call *call) {
  call->host->fail(call, (int32_t)first(call).as.i64, "EFAULT", "it broke\033[2J", 12);
  return 1;
}
static int segfault(flame_call *call) {
  (void)call;
  volatile int *volatile nowhere = NULL;
  *nowhere = 1;
  return 0;
}
static int abort_(flame_call *call) {
  (void)call;
  abort();
}
static int exit_zero(flame_call *call) {
  (void)call;
  exit(0);
}
static int spin(flame_call *call) {
  for (volatile int on = 1; on;) (void)call;
  return 0;
}
static int sleep_ms(flame_call *call) {
  const uint64_t ms = first(call).as.u64;
  const struct timespec span = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  nanosleep(&span, NULL);
  return call->host->result_u64(call, ms);
}
/* Writes the pid of a grandchild that left its session, then never returns. */
static int orphan(flame_call *call) {
  const char *path = first(call).as.text;
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      FILE *file = fopen(path, "w");
      fprintf(file, "%d\n", (int)getpid());
      fclose(file);
      sleep(1000);
    }
    _exit(0);
  }
  return spin(call);
}
static int chatter(flame_call *call) {
  printf("said on stdout\n");
  fprintf(stderr, "said on stderr\n");
  return call->host->result_i64(call, 1);
}
static int env(flame_call *call) {
  const char *value = getenv(first(call).as.text);
  return value == NULL ? call->host->result_null(call) : call->host->result_string(call, value, strlen(value));
}
static int flood(flame_call *call) {
  static char block[64 * 1024];
  for (int i = 0; i < 16 * 1024; ++i)
    if (call->host->write(call, block, sizeof block) != FLAME_OK) return 1;
  return 0;
}
static int echo_bytes(flame_call *call) {
  const flame_value data = first(call);
  return call->host->result_bytes(call, data.as.bytes, data.count);
}
static int echo_string(flame_call *call) {
  const flame_value text = first(call);
  return call->host->result_string(call, text.as.text, text.count);
}
static int echo_i64(flame_call *call) { return call->host->result_i64(call, first(call).as.i64); }
static int nothing(flame_call *call) {
  (void)call;
  return 0;
}
static int lie(flame_call *call) { return call->host->result_bool(call, 1); }

#define FUNCTIONS(F)                                 \
  F(fail_with, "(code: i64)", "", "", "")             \
  F(segfault, "()", "", "", "")                       \
  F(abort_, "()", "", "", "")                         \
  F(exit_zero, "()", "", "", "")                      \
  F(spin, "()", "", "", "")                           \
  F(sleep_ms, "(ms: u64) -> u64", "", "", "")         \
  F(orphan, "(path: string)", "", "", "")             \
  F(chatter, "() -> i64", "", "", "")                 \
  F(env, "(name: string) -> string?", "", "", "")     \
  F(flood, "()", "", "streaming", "")                 \
  F(echo_bytes, "(data: bytes) -> bytes", "", "", "") \
  F(echo_string, "(text: string) -> string", "", "", "") \
  F(echo_i64, "(n: i64) -> i64", "", "", "")          \
  F(nothing, "()", "", "", "")                        \
  F(lie, "() -> i64", "", "", "")
FLAME_PLUGIN_C("faults", "1.0", FUNCTIONS)
