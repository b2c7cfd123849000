// Exports more than its entry: a plain function, and an inline variable that the loader makes unique.
#include <vector>
extern "C" {
#include "plain.h"
}
template <class T>
struct Shared {
  static inline int counter = 0;
};
namespace demo {
int leaked(const std::vector<int>& xs) { return Shared<int>::counter += static_cast<int>(xs.size()); }
}  // namespace demo
