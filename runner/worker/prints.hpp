// What a plugin prints reaches the caller before the call's answer, and never another call.
#pragma once
#include "runner/worker/shared_page.hpp"

namespace flame::worker {

class Prints {
 public:
  explicit Prints(SharedPage& page) : page_(page) {}
  // Returns when the runner has read all that was printed until now.
  void settle();

 private:
  SharedPage& page_;
};

}  // namespace flame::worker
