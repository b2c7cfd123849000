// The C++ half of crashes.c: exceptions that nobody catches.
#include <flame/plugin.h>

#include <stdexcept>

extern "C" {
int throw_deep(flame_call* call);
int throw_number(flame_call* call);
int throw_noexcept(flame_call* call);
}

namespace shop {
class price_error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[gnu::noinline]] static int price_of(int item) {
  if (item > 0) throw price_error("no price for item 7");  // throw_deep
  return item;
}
}  // namespace shop

int throw_deep(flame_call*) { return shop::price_of(7); }
int throw_number(flame_call*) { throw 42; }
static int never_throws(int item) noexcept { return shop::price_of(item); }
int throw_noexcept(flame_call*) { return never_throws(7); }
