/* Tries what a strict sandbox forbids, and what it must allow. Each returns 0 or the errno. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <flame/plugin.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static flame_value argument(flame_call* call, int i) {
  uint32_t count;
  return call->host->arguments(call, &count)[i];
}
static int told(flame_call* call, long result) {
  const int code = result < 0 ? errno : 0;
  if (result > 2) close((int)result);
  return call->host->result_i64(call, code);
}

static int open_socket(flame_call* call) {
  return told(call, socket((int)argument(call, 0).as.i64, SOCK_STREAM, 0));
}
static int read_file(flame_call* call) { return told(call, open(argument(call, 0).as.text, O_RDONLY)); }
static int write_file(flame_call* call) {
  const char* path = argument(call, 0).as.text;
  const int fd = open(path, O_WRONLY | O_CREAT, 0600);
  const int saved = errno;
  if (fd >= 0) unlink(path);
  errno = saved;
  return told(call, fd);
}
/* Whose a file is that we make. */
static int owner(flame_call* call) {
  struct stat status;
  char text[64];
  const int fd = open(argument(call, 0).as.text, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (fd < 0 || fstat(fd, &status) != 0) return 1;
  unlink(argument(call, 0).as.text);
  close(fd);
  const int size = snprintf(text, sizeof text, "%u:%u", status.st_uid, status.st_gid);
  return call->host->result_string(call, text, (size_t)size);
}
static int new_namespace(flame_call* call) { return told(call, unshare(CLONE_NEWUSER)); }
static int clone_namespace(flame_call* call) {
  const long pid = syscall(SYS_clone, CLONE_NEWUSER | 17 /* SIGCHLD */, 0, 0, 0, 0);
  if (pid == 0) _exit(0);
  return call->host->result_i64(call, pid < 0 ? errno : 0);
}
static int io_uring(flame_call* call) { return told(call, syscall(SYS_io_uring_setup, 1, (void*)0)); }
static void* nothing(void* value) { return value; }
/* What ordinary functions need: a thread, a child, a pair of sockets. */
static int ordinary(flame_call* call) {
  pthread_t thread;
  int pair[2];
  const int started = pthread_create(&thread, NULL, nothing, NULL);
  if (started != 0) return call->host->result_i64(call, started);
  pthread_join(thread, NULL);
  if (system("exit 7") != 7 << 8) return call->host->result_i64(call, -1);
  return told(call, socketpair(AF_UNIX, SOCK_STREAM, 0, pair));
}
static int limits(flame_call* call) {
  struct rlimit core, files;
  getrlimit(RLIMIT_CORE, &core);
  getrlimit(RLIMIT_NOFILE, &files);
  return call->host->result_bool(call, core.rlim_max == 0 && files.rlim_cur <= 1024);
}

#define FUNCTIONS(F)                                 \
  F(open_socket, "(family: i64) -> i64", "", "", "") \
  F(read_file, "(path: string) -> i64", "", "", "")  \
  F(write_file, "(path: string) -> i64", "", "", "") \
  F(owner, "(path: string) -> string", "", "", "")   \
  F(new_namespace, "() -> i64", "", "", "")          \
  F(clone_namespace, "() -> i64", "", "", "")        \
  F(io_uring, "() -> i64", "", "", "")               \
  F(ordinary, "() -> i64", "", "", "")               \
  F(limits, "() -> bool", "", "", "")
FLAME_PLUGIN_C("escape", "1.0", FUNCTIONS)
