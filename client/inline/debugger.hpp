// gdb on the worker of a private runner, at the terminal.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "base/process.hpp"

namespace flame::client {

// The words of the environment variable if it is set, else the program's name; the first word as an absolute
// path. Throws Error(config) when it is not on PATH.
std::vector<std::string> inspector_command(const std::string& program, const char* variable);

class Debugger {
 public:
  Debugger();   // throws Error(config): no gdb
  ~Debugger();  // waits until its user ends it
  Debugger(const Debugger&) = delete;
  Debugger& operator=(const Debugger&) = delete;
  // When the worker that waits for it is at its first call: gdb stops it at the function's first line. It
  // talks with /dev/tty, or, where there is none, to stderr.
  void attach(pid_t worker);
  // Readable when `other` is, or when its user has ended it.
  int wake_fd(int other);
  bool has_ended() const;
  void let_go();  // waits for its end; a worker that still waits for it goes on

 private:
  UniqueFd wake_;
  std::vector<std::string> command_;
  std::optional<Child> child_;
  pid_t worker_ = -1;
};

}  // namespace flame::client
