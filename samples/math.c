/* Numbers in, numbers out: the smallest useful plugin, in C. */
#include <flame/plugin.h>

static double number(flame_call *call, uint32_t index) {
  uint32_t count;
  return call->host->arguments(call, &count)[index].as.f64;
}

static int add(flame_call *call) { return call->host->result_f64(call, number(call, 0) + number(call, 1)); }
static int mul(flame_call *call) { return call->host->result_f64(call, number(call, 0) * number(call, 1)); }

static int is_prime(flame_call *call) {
  uint32_t count;
  const uint64_t n = call->host->arguments(call, &count)[0].as.u64;
  int32_t prime = n >= 2;
  for (uint64_t d = 2; prime && d <= n / d; ++d) prime = n % d != 0;
  return call->host->result_bool(call, prime);
}

static int fib(flame_call *call) {
  static const char too_large[] = "n is too large: fib(93) is the last that fits in u64";
  uint32_t count;
  const uint64_t n = call->host->arguments(call, &count)[0].as.u64;
  if (n > 93) {
    call->host->fail(call, 34, "ERANGE", too_large, sizeof too_large - 1);
    return 1;
  }
  uint64_t a = 0, b = 1;
  for (uint64_t i = 0; i < n; ++i) {
    const uint64_t next = a + b;
    a = b;
    b = next;
  }
  return call->host->result_u64(call, a);
}

static int mean(flame_call *call) {
  uint32_t count;
  const flame_value *xs = call->host->arguments(call, &count);
  double sum = 0;
  for (uint64_t i = 0; i < xs->count; ++i) sum += xs->as.f64s[i];
  return call->host->result_f64(call, sum / (double)xs->count);
}

#define FUNCTIONS(F)                                                                             \
  F(add, "(a: f64, b: f64) -> f64", "Sum of a and b.", "idempotent", "")                          \
  F(mul, "(a: f64, b: f64) -> f64", "Product of a and b.", "idempotent", "")                      \
  F(is_prime, "(n: u64) -> bool", "Whether n is a prime number.", "idempotent", "")               \
  F(fib, "(n: u64) -> u64", "The n-th Fibonacci number, n up to 93.", "idempotent", "")           \
  F(mean, "(xs: [f64]) -> f64", "Mean of xs; NaN when there are none.", "idempotent", "")
FLAME_PLUGIN_C("math", "1.0", FUNCTIONS)
