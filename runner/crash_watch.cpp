#include "runner/crash_watch.hpp"

#include <fcntl.h>
#include <sys/mman.h>

namespace flame::runner {

CrashWatch::CrashWatch(int plugin_fd)
    : record_(::memfd_create("flame-crash", MFD_CLOEXEC)), plugin_(::fcntl(plugin_fd, F_DUPFD_CLOEXEC, 3)) {}

void CrashWatch::printed(std::string_view text) {
  tail_ += text;
  if (tail_.size() > 2 * wire::kCrashTailMaxBytes) tail_.erase(0, tail_.size() - wire::kCrashTailMaxBytes);
}

wire::CrashReport CrashWatch::report(int signal, const std::string& sha256) const {
  return wire::make_crash_report(wire::read_crash_record(record_.get()), signal, {plugin_.get(), sha256},
                                 tail_);
}

}  // namespace flame::runner
