/* Leaves a mark for every call that runs, then answers or dies, as the call's number says. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <flame/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static int roll(flame_call* call) {
  uint32_t count;
  const flame_value* arguments = call->host->arguments(call, &count);
  const uint64_t number = arguments[1].as.u64;
  const int fd = open(arguments[0].as.text, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0 || write(fd, &number, sizeof number) != sizeof number) return 1;
  close(fd);
  const uint64_t dice = number * 6364136223846793005u >> 33;
  if (dice % 100 == 0) abort();
  if (dice % 100 == 1) _exit(3);
  if (dice % 100 < 4) {
    const struct timespec span = {0, 1000000};
    nanosleep(&span, NULL);
  }
  return call->host->result_u64(call, number);
}

static int nap(flame_call* call) {
  uint32_t count;
  const uint64_t us = call->host->arguments(call, &count)[0].as.u64;
  const struct timespec span = {(time_t)(us / 1000000), (long)(us % 1000000) * 1000};
  nanosleep(&span, NULL);
  return call->host->result_u64(call, us);
}

/* The descriptors that a program started by a plugin has; the last is its own, of the directory. */
static int inherited(flame_call* call) {
  char text[256];
  FILE* list = popen("exec ls /proc/self/fd", "r");
  if (list == NULL) return 1;
  const size_t size = fread(text, 1, sizeof text, list);
  pclose(list);
  return call->host->result_string(call, text, size);
}

#define FUNCTIONS(F)                                        \
  F(roll, "(path: string, number: u64) -> u64", "", "", "") \
  F(nap, "(us: u64) -> u64", "", "", "")                    \
  F(inherited, "() -> string", "", "", "")
FLAME_PLUGIN_C("dice", "1.0", FUNCTIONS)
