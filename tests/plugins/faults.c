/* Functions that go wrong in every way, and what tests need to see that they did. Some stop only when killed.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <flame/plugin.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int throw_caught(flame_call* call); /* throw.cpp */
int throw_escaped(flame_call* call);

static flame_value argument(flame_call* call, uint32_t index) {
  uint32_t count;
  return call->host->arguments(call, &count)[index];
}
static flame_value first(flame_call* call) { return argument(call, 0); }

static int fail_text(flame_call* call, int32_t code, const char* type, const char* message) {
  call->host->fail(call, code, type, message, strlen(message));
  return 1;
}

/* ---- Failing and dying ---- */

static int throw(flame_call * call) { return throw_caught(call); }
static int throw_out(flame_call* call) { return throw_escaped(call); }
static int fail_with(flame_call* call) {
  return fail_text(call, (int32_t)first(call).as.i64, "EFAULT", "it broke\033[2J");
}
/* Neither UTF-8 nor for a terminal. */
static int fail_bytes(flame_call* call) {
  return fail_text(call, 3, "\x1b]0;x", "a\xff\xc3 \x9b\x1b[31mb\n\rc\x7f");
}
static int segfault(flame_call* call) {
  (void)call;
  volatile int* volatile nowhere = NULL;
  *nowhere = 1;
  return 0;
}
static int abort_(flame_call* call) {
  (void)call;
  abort();
}
/* Overwrites its own frame and those above, so that no stack is left to walk. */
__attribute__((noinline)) static void overwrite_stack(size_t size) {
  volatile unsigned char local[16];
  volatile unsigned char* volatile beyond = local;
  for (size_t i = 0; i < size; ++i) beyond[i] = 0xF5;
}
static int smash_stack(flame_call* call) {
  overwrite_stack(512);
  return call->host->result_null(call);
}
static int exit_zero(flame_call* call) {
  (void)call;
  exit(0);
}

/* What talks to the runner is not the plugin's; it may close or write it all the same. */
enum { runner_socket = 3 };
static int mute(flame_call* call) {
  (void)call;
  close(runner_socket);
  return pause();
}
static int scribble(flame_call* call) {
  static const char rubbish[64] = "\xff\xff\xff\xff rubbish";
  if (write(runner_socket, rubbish, sizeof rubbish) < 0) return 1;
  return call->host->result_null(call);
}

/* The worker is idle when the thread that called us sleeps; its answer is out by then. */
static atomic_bool answered;
static bool sleeps(pid_t thread) {
  char path[64], text[256] = "";
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", (int)thread);
  FILE* file = fopen(path, "r");
  if (file == NULL) return false;
  const size_t size = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  text[size] = '\0';
  const char* name_end = strrchr(text, ')');
  return name_end != NULL && strncmp(name_end, ") S", 3) == 0;
}
static void* kill_when_idle(void* unused) {
  (void)unused;
  const struct timespec pause = {0, 200 * 1000};
  while (!atomic_load(&answered) || !sleeps(getpid())) nanosleep(&pause, NULL);
  kill(getpid(), SIGKILL);
  return NULL;
}
static int die_idle(flame_call* call) {
  pthread_t thread;
  atomic_store(&answered, false);
  if (pthread_create(&thread, NULL, kill_when_idle, NULL) != 0) return fail_text(call, 1, NULL, "no thread");
  const int status = call->host->result_i64(call, (int64_t)getpid());
  atomic_store(&answered, true);
  return status;
}

/* ---- Going on for ever ---- */

static int spin(flame_call* call) {
  for (volatile int on = 1; on;) (void)call;
  return 0;
}
static int deaf(flame_call* call) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  return spin(call);
}
/* Hears that it is cancelled, and ends. */
static int polite(flame_call* call) {
  const struct timespec pause = {0, 1000 * 1000};
  while (!call->host->cancelled(call)) nanosleep(&pause, NULL);
  return fail_text(call, 42, "ECANCELED", "stopped when told to");
}
static int hog(flame_call* call) {
  const size_t block = (size_t)16 << 20;
  for (void* memory; (memory = malloc(block)) != NULL;) memset(memory, 1, block);
  return fail_text(call, 12, "ENOMEM", "no memory is left");
}
static int flood(flame_call* call) {
  static char block[64 * 1024];
  for (int i = 0; i < 16 * 1024; ++i)
    if (call->host->write(call, block, sizeof block) != FLAME_OK) return 1;
  return 0;
}

/* Leaves a grandchild in a session of its own, whose pid it writes to path. */
static bool start_orphan(const char* path) {
  int ready[2];
  char byte;
  if (pipe2(ready, O_CLOEXEC) != 0) return false;
  if (fork() == 0) {
    setsid();
    if (fork() == 0) {
      FILE* file = fopen(path, "w");
      if (file != NULL) {
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
      }
      if (write(ready[1], "", 1) != 1) _exit(1);
      close(ready[1]);
      sleep(1000);
    }
    _exit(0);
  }
  close(ready[1]);
  const bool started = read(ready[0], &byte, 1) == 1;
  close(ready[0]);
  return started;
}
static int orphan(flame_call* call) {
  start_orphan(first(call).as.text);
  return spin(call);
}
static int leave_orphan(flame_call* call) {
  return start_orphan(first(call).as.text) ? 0 : fail_text(call, 1, NULL, "no grandchild");
}

/* ---- Taking its time and room ---- */

static int sleep_ms(flame_call* call) {
  const uint64_t ms = first(call).as.u64;
  const struct timespec span = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
  nanosleep(&span, NULL);
  return call->host->result_u64(call, ms);
}
static int sleep_ms_again(flame_call* call) { return sleep_ms(call); }
static uint64_t cpu_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}
static int cpu_ms(flame_call* call) {
  const uint64_t ms = first(call).as.u64;
  const uint64_t end_ns = cpu_ns() + ms * 1000000;
  while (cpu_ns() < end_ns) continue;
  return call->host->result_u64(call, ms);
}
/* Memory that stays taken after the call. */
static int alloc(flame_call* call) {
  const uint64_t size = first(call).as.u64;
  void* memory = malloc(size);
  if (memory == NULL) return fail_text(call, 12, "ENOMEM", "no memory is left");
  memset(memory, 1, size);
  __asm__ volatile("" : : "g"(memory) : "memory");
  return call->host->result_u64(call, size);
}
static int alloc_again(flame_call* call) { return alloc(call); }
/* Waits for somebody to open the FIFO at path for writing and to close it: an event that a test gives. */
static int hold(flame_call* call) {
  char buffer[64];
  const int fd = open(first(call).as.text, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return fail_text(call, 2, "ENOENT", "no such FIFO");
  while (read(fd, buffer, sizeof buffer) > 0) continue;
  close(fd);
  return call->host->result_bool(call, 1);
}

/* Reports progress, with a note that tries to move the cursor, and waits as hold does. */
static int progress_hold(flame_call* call) {
  call->host->progress(call, 3, 4, "rows\x1b[2J");
  return hold(call);
}

/* ---- How often did it run? ---- */

/* Appends a byte to the file; its size before, or -1. */
static int64_t append_byte(const char* path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0 || write(fd, ".", 1) != 1) return -1;
  const int64_t before = lseek(fd, 0, SEEK_CUR) - 1;
  close(fd);
  return before;
}
static int count(flame_call* call) {
  return call->host->result_i64(call, append_byte(first(call).as.text) + 1);
}
static int count_again(flame_call* call) { return count(call); }
/* Counts, and waits as hold does. */
static int count_hold(flame_call* call) {
  const int64_t before = append_byte(first(call).as.text);
  char buffer[64];
  const int fd = open(argument(call, 1).as.text, O_RDONLY | O_CLOEXEC);
  while (fd >= 0 && read(fd, buffer, sizeof buffer) > 0) continue;
  if (fd >= 0) close(fd);
  return call->host->result_i64(call, before + 1);
}
/* The first run of a path dies, later ones count. */
static int crash_once(flame_call* call) {
  const int64_t before = append_byte(first(call).as.text);
  return before == 0 ? segfault(call) : call->host->result_i64(call, before + 1);
}
static int crash_once_again(flame_call* call) { return crash_once(call); }

/* ---- Telling, and what it sees ---- */

static int chatter(flame_call* call) {
  printf("said on stdout\n");
  fprintf(stderr, "said on stderr\n");
  return call->host->result_i64(call, 1);
}
static int chat_and_fail(flame_call* call) {
  for (int64_t i = 0; i < first(call).as.i64; ++i) printf("line %d\n", (int)i);
  return fail_text(call, 7, NULL, "said all");
}
static int env(flame_call* call) {
  const char* value = getenv(first(call).as.text);
  return value == NULL ? call->host->result_null(call)
                       : call->host->result_string(call, value, strlen(value));
}
static int worker_pid(flame_call* call) { return call->host->result_i64(call, (int64_t)getpid()); }
static int echo_bytes(flame_call* call) {
  const flame_value data = first(call);
  return call->host->result_bytes(call, data.as.bytes, data.count);
}
static int echo_string(flame_call* call) {
  const flame_value text = first(call);
  return call->host->result_string(call, text.as.text, text.count);
}
static int echo_i64(flame_call* call) { return call->host->result_i64(call, first(call).as.i64); }
static int nothing(flame_call* call) {
  (void)call;
  return 0;
}
static int lie(flame_call* call) { return call->host->result_bool(call, 1); }

/* `abort` is libc's: the function abort_ goes by that name too. */
#define abort abort_
/* Those named …_again are the same and say that they may be repeated. */
#define FUNCTIONS(F)                                                 \
  F(throw, "()", "", "", "")                                         \
  F(throw_out, "()", "", "", "")                                     \
  F(fail_with, "(code: i64)", "", "", "")                            \
  F(fail_bytes, "()", "", "", "")                                    \
  F(segfault, "()", "", "", "")                                      \
  F(abort, "()", "", "", "")                                         \
  F(abort_, "()", "", "", "")                                        \
  F(smash_stack, "()", "", "", "")                                   \
  F(exit_zero, "()", "", "", "")                                     \
  F(mute, "()", "", "", "")                                          \
  F(scribble, "() -> json", "", "", "")                              \
  F(die_idle, "() -> i64", "", "", "")                               \
  F(spin, "()", "", "", "")                                          \
  F(deaf, "()", "", "", "")                                          \
  F(polite, "()", "", "", "")                                        \
  F(hog, "()", "", "", "")                                           \
  F(flood, "()", "", "streaming", "")                                \
  F(orphan, "(path: string)", "", "", "")                            \
  F(leave_orphan, "(path: string)", "", "", "")                      \
  F(sleep_ms, "(ms: u64) -> u64", "", "", "")                        \
  F(alloc_again, "(bytes: u64) -> u64", "", "idempotent", "")        \
  F(sleep_ms_again, "(ms: u64) -> u64", "", "idempotent", "")        \
  F(cpu_ms, "(ms: u64) -> u64", "", "idempotent", "")                \
  F(alloc, "(bytes: u64) -> u64", "", "", "")                        \
  F(hold, "(path: string) -> bool", "", "", "")                      \
  F(progress_hold, "(path: string) -> bool", "", "", "")             \
  F(count, "(path: string) -> i64", "", "", "")                      \
  F(count_hold, "(path: string, fifo: string) -> i64", "", "", "")   \
  F(count_again, "(path: string) -> i64", "", "idempotent", "")      \
  F(crash_once, "(path: string) -> i64", "", "", "")                 \
  F(crash_once_again, "(path: string) -> i64", "", "idempotent", "") \
  F(chatter, "() -> i64", "", "", "")                                \
  F(chat_and_fail, "(lines: i64)", "", "", "")                       \
  F(env, "(name: string) -> string?", "", "", "")                    \
  F(worker_pid, "() -> i64", "", "", "")                             \
  F(echo_bytes, "(data: bytes) -> bytes", "", "", "")                \
  F(echo_string, "(text: string) -> string", "", "", "")             \
  F(echo_i64, "(n: i64) -> i64", "", "", "")                         \
  F(nothing, "()", "", "", "")                                       \
  F(lie, "() -> i64", "", "", "")
FLAME_PLUGIN_C("faults", "1.0", FUNCTIONS)
