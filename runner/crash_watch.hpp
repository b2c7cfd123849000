// What a runner keeps of a worker so that its death can be explained: room for the crash record, the plugin's
// bytes, and the last that it printed on stderr.
#pragma once
#include <string>
#include <string_view>

#include "base/fd.hpp"
#include "wire/crash_report.hpp"

namespace flame::runner {

class CrashWatch {
 public:
  explicit CrashWatch(int plugin_fd);  // duplicated

  int record_fd() const { return record_.get(); }  // for the worker, as kWorkerCrashFd; -1 if there is none
  void printed(std::string_view stderr_text);
  void answered() { tail_.clear(); }  // what one call printed explains no other
  wire::CrashReport report(int signal, const std::string& sha256) const;

 private:
  UniqueFd record_, plugin_;
  std::string tail_;
};

}  // namespace flame::runner
