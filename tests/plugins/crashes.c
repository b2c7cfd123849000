/* Functions that die, one way each; built with debug information and in a stripped copy. The line of each
 * death is marked with its function's name, so that tests find it. */
#define _GNU_SOURCE
#include <assert.h>
#include <fcntl.h>
#include <flame/plugin.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int throw_deep(flame_call *call); /* crashes.cpp */
int throw_number(flame_call *call);
int throw_noexcept(flame_call *call);

__attribute__((noinline)) static void inner(volatile int *at) {
  *at = 1; /* null_write */
}
static int null_write(flame_call *call) {
  (void)call;
  inner(NULL);
  return 0;
}
__attribute__((noinline)) static int look(const volatile int *at) {
  return *at; /* freed_read */
}
static int freed_read(flame_call *call) {
  int *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(page, 4096);
  return call->host->result_i64(call, look(page));
}
static int constant_write(flame_call *call) {
  static const char constant[] = "constant";
  char *volatile at = (char *)constant;
  at[0] = 'C'; /* constant_write */
  return call->host->result_null(call);
}
static int wild_jump(flame_call *call) {
  int (*volatile nowhere)(flame_call *) = NULL;
  return 1 + nowhere(call); /* wild_jump */
}
static int wild_pointer(flame_call *call) {
  volatile int *volatile at = (volatile int *)0xdeadbeefdeadbeefULL;
  (void)call;
  return 1 + *at; /* wild_pointer */
}
__attribute__((noinline)) static int recurse(int depth) {
  volatile char room[256];
  room[0] = (char)depth;
  return recurse(depth + 1) + room[0]; /* stack_overflow */
}
static int stack_overflow(flame_call *call) { return call->host->result_i64(call, recurse(0)); }
static int call_abort(flame_call *call) {
  (void)call;
  abort(); /* call_abort */
}
static int assertion(flame_call *call) {
  volatile int two = 2;
  assert(two == 3); /* assertion */
  return call->host->result_null(call);
}
__attribute__((noinline)) static void overwrite(size_t size) {
  volatile char local[16];
  volatile char *volatile beyond = local;
  for (size_t i = 0; i < size; ++i) beyond[i] = 0x41;
} /* smashed_stack */
static int smashed_stack(flame_call *call) {
  overwrite(512);
  return call->host->result_null(call);
}
/* The same where no canary notices: the return address itself is bad. */
__attribute__((noinline, optimize("no-stack-protector"))) static void overwrite_unguarded(size_t size) {
  volatile char local[16];
  volatile char *volatile beyond = local;
  for (size_t i = 0; i < size; ++i) beyond[i] = 0x41;
} /* unguarded_stack */
static int unguarded_stack(flame_call *call) {
  overwrite_unguarded(512);
  return call->host->result_null(call);
}
static int double_free(flame_call *call) {
  char *volatile twice = malloc(100);
  free(twice);
  free(twice); /* double_free */
  return call->host->result_null(call);
}
static int divide(flame_call *call) {
  volatile int zero = 0;
  return call->host->result_i64(call, 10 / zero); /* divide */
}
static int beyond_file(flame_call *call) {
  const int fd = memfd_create("short", 0);
  if (ftruncate(fd, 4096) != 0) return 1;
  volatile char *at = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
  return call->host->result_i64(call, at[5000]); /* beyond_file */
}
static int bad_instruction(flame_call *call) {
  (void)call;
  __builtin_trap(); /* bad_instruction */
}
static int terminated(flame_call *call) {
  raise(SIGTERM);
  return call->host->result_null(call);
}
static int killed(flame_call *call) {
  kill(getpid(), SIGKILL);
  return call->host->result_null(call);
}
static void *die_in_thread(void *at) {
  inner(at);
  return NULL;
}
static int in_thread(flame_call *call) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, die_in_thread, NULL) != 0) return 1;
  pthread_join(thread, NULL);
  return call->host->result_null(call);
}
/* Dies in the host, by what it gives to it. */
static int bad_argument(flame_call *call) { return call->host->result_string(call, (const char *)16, 8); }
static inline __attribute__((always_inline)) void inlined_store(volatile int *at) {
  *at = 2; /* in_inlined */
}
static int in_inlined(flame_call *call) {
  (void)call;
  inlined_store(NULL); /* in_inlined_call */
  return 0;
}

#define FUNCTIONS(F)                            \
  F(null_write, "()", "", "", "")               \
  F(freed_read, "() -> i64", "", "", "")        \
  F(constant_write, "()", "", "", "")           \
  F(wild_jump, "()", "", "", "")                \
  F(wild_pointer, "()", "", "", "")             \
  F(stack_overflow, "() -> i64", "", "", "")    \
  F(call_abort, "()", "", "", "")               \
  F(assertion, "()", "", "", "")                \
  F(smashed_stack, "()", "", "", "")            \
  F(unguarded_stack, "()", "", "", "")          \
  F(double_free, "()", "", "", "")              \
  F(divide, "() -> i64", "", "", "")            \
  F(beyond_file, "() -> i64", "", "", "")       \
  F(bad_instruction, "()", "", "", "")          \
  F(terminated, "()", "", "", "")               \
  F(killed, "()", "", "", "")                   \
  F(in_thread, "()", "", "", "")                \
  F(bad_argument, "() -> string", "", "", "")   \
  F(in_inlined, "()", "", "", "")               \
  F(throw_deep, "()", "", "", "")               \
  F(throw_number, "()", "", "", "")             \
  F(throw_noexcept, "()", "", "", "")
FLAME_PLUGIN_C("crashes", "1.0", FUNCTIONS)
