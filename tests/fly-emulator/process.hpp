// What runs inside a machine: the real process, or (--light) a loop that answers hello.
#pragma once
#include <sys/types.h>
#include <boost/json.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace flame::fly {

struct GuestFile {
  std::string path, content;
  unsigned mode = 0644;
};

struct ProcessPlan {
  std::string root;        // a directory; "/" is this computer's
  std::string scratch;     // of this machine alone, exists
  bool keep_disk = false;  // rootfs.persist: what was written is still there after a stop
  std::vector<std::string> command;
  std::vector<std::string> environment;
  std::vector<GuestFile> files;
  std::int64_t memory_mb = 256;
  std::string address;     // its 127.x.y.z
  std::string clock_page;  // a file that tells how far its clock is behind; may be empty
};

struct ExitInfo {
  int code = 0;  // as a shell would say it: 128+N for a signal
  int signal = 0;
  bool oom = false;
};

struct ExecResult {
  std::string out, err;
  int code = 0;
  int signal = 0;
  bool expired = false, lost = false;  // lost: the machine stopped first
};

struct ProcessEvents {
  std::function<void()> up;                   // the command runs
  std::function<void(std::string)> failed;    // it could not be started
  std::function<void(ExitInfo)> exited;       // it ended; nothing of the machine is left
  std::function<void(std::string_view)> log;  // a line
};

class MachineProcess {
 public:
  virtual ~MachineProcess() = default;  // kills what is left; no event comes after it
  virtual void signal(int number) = 0;
  virtual void freeze(std::function<void()> done) = 0;
  // cut: connections that were open are reset. done comes when it runs again.
  virtual void thaw(bool cut, std::function<void()> done) = 0;
  virtual void exec(std::vector<std::string> command, std::string input, std::int64_t timeout_ms,
                    std::function<void(ExecResult)> done) = 0;
  virtual boost::json::array list() const = 0;  // as GET …/ps answers
  virtual pid_t pid() const = 0;                // of the command, as this computer numbers it; 0 without one
};

}  // namespace flame::fly
