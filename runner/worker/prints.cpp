#include "runner/worker/prints.hpp"

#include <linux/futex.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace flame::worker {

// A grandchild may print without end: after so many reads of the runner's the rest belongs to whom it meets.
constexpr int kReadsMax = 64;

void Prints::settle() {
  for (int reads = 0; reads < kReadsMax; ++reads) {
    const std::uint32_t seen = page_.prints_read.load();
    int waiting = 0;
    if (::ioctl(STDOUT_FILENO, FIONREAD, &waiting) != 0 || waiting == 0) break;
    page_.prints_wanted.store(1);
    const timespec limit = {1, 0};
    ::syscall(SYS_futex, &page_.prints_read, FUTEX_WAIT, seen, &limit, nullptr, 0);
  }
}

}  // namespace flame::worker
