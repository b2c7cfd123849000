/* What one call does to its process, and what the next one finds. */
#define _GNU_SOURCE
#include <flame/plugin.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char* word(flame_call* call) {
  uint32_t count;
  return call->host->arguments(call, &count)[0].as.text;
}

static void block_all(void) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
}

#if defined(__x86_64__)
/* As a language does that has no libc. */
static long chdir_by_hand(const char* path) {
  long status;
  __asm__ volatile("syscall" : "=a"(status) : "0"(SYS_chdir), "D"(path) : "rcx", "r11", "memory");
  return status;
}
#else
static long chdir_by_hand(const char* path) { return chdir(path); }
#endif

/* A page that may not be written; a handler, which blocks every signal, opens it: so do garbage collectors.
 */
static char* page;
static void open_page(int signal) {
  (void)signal;
  mprotect(page, 4096, PROT_READ | PROT_WRITE);
}
static void guard_page(void) {
  struct sigaction action = {.sa_handler = open_page};
  sigfillset(&action.sa_mask);
  page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  sigaction(SIGSEGV, &action, NULL);
}

/* A thread that changes the directory when it is told to: the caller asks the kernel for nothing. */
static atomic_bool started, go, gone;
static void* wander(void* unused) {
  (void)unused;
  const struct timespec pause = {0, 100 * 1000};
  for (;;) {
    while (!atomic_exchange(&go, false)) nanosleep(&pause, NULL);
    if (chdir("/tmp") != 0) return NULL;
    atomic_store(&gone, true);
  }
}
static void start_wanderer(void) {
  pthread_t thread;
  if (!atomic_exchange(&started, true)) pthread_create(&thread, NULL, wander, NULL);
}
static void send_wanderer(void) {
  if (!atomic_load(&started)) return;
  atomic_store(&gone, false);
  atomic_store(&go, true);
  while (!atomic_load(&gone)) continue;
}

static int disturb(flame_call* call) {
  const char* how = word(call);
  if (strcmp(how, "cwd") == 0 && chdir("/tmp") != 0) return 1;
  if (strcmp(how, "by_hand") == 0 && chdir_by_hand("/tmp") != 0) return 1;
  if (strcmp(how, "umask") == 0) umask(077);
  if (strcmp(how, "mask") == 0) block_all();
  if (strcmp(how, "print") == 0) printf("no newline");
  if (strcmp(how, "guard") == 0) guard_page();
  if (strcmp(how, "write") == 0) page[0] = 1;
  if (strcmp(how, "thread") == 0) start_wanderer();
  if (strcmp(how, "tell") == 0) send_wanderer();
  return call->host->result_string(call, how, strlen(how));
}

/* Working directory, umask, number of blocked signals. */
static int find(flame_call* call) {
  char path[256] = "", text[320];
  sigset_t mask;
  int blocked = 0;
  const mode_t now = umask(0);
  umask(now);
  sigprocmask(SIG_SETMASK, NULL, &mask);
  for (int signal = 1; signal < NSIG; ++signal) blocked += sigismember(&mask, signal) == 1;
  if (getcwd(path, sizeof path) == NULL) return 1;
  snprintf(text, sizeof text, "%s %03o %d", path, (unsigned)now, blocked);
  return call->host->result_string(call, text, strlen(text));
}

/* One of both, as the word says. */
static int either(flame_call* call) { return strcmp(word(call), "find") == 0 ? find(call) : disturb(call); }

#define FUNCTIONS(F)                                 \
  F(disturb, "(how: string) -> string", "", "", "")  \
  F(find, "(ignored: string) -> string", "", "", "") \
  F(either, "(how: string) -> string", "", "", "")
FLAME_PLUGIN_C("manners", "1.0", FUNCTIONS)
