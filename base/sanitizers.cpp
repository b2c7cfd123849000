// How the sanitizers behave in our own programs; linked in sanitized builds only. The environment cannot say
// it, for runners and workers are started in a fixed one.
#include <sys/prctl.h>

extern "C" {
// A fault of a plugin must end its worker by the signal itself, as it does in the field; what a sanitizer
// finds ends the program with SIGABRT, so that no test can pass over it.
const char* __asan_default_options();
const char* __asan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:abort_on_error=1:"
         "use_sigaltstack=0:allocator_may_return_null=1";
}
const char* __ubsan_default_options();
const char* __ubsan_default_options() { return "halt_on_error=1:abort_on_error=1:print_stacktrace=1"; }
const char* __tsan_default_options();
const char* __tsan_default_options() {
  return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0:halt_on_error=1:"
         "abort_on_error=1:use_sigaltstack=0:die_after_fork=0:report_signal_unsafe=0";
}
// The leak check attaches to its process, which an undumpable one (the runner) forbids.
int __lsan_is_turned_off();
int __lsan_is_turned_off() { return ::prctl(PR_GET_DUMPABLE) == 0 ? 1 : 0; }
}
