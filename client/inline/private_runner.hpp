// A runner of one call's own on this computer: one slot, no engine, gone with us.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/process.hpp"
#include "client/link/link.hpp"
#include "client/pool/settings.hpp"

namespace flame::client {

enum class Inspector : std::uint8_t { none, gdb, valgrind };

class PrivateRunner {
 public:
  // Of the settings only what a call sees counts: sandbox and plugin_dirs. Throws Error(config) when the
  // inspector is not installed, Error(system).
  PrivateRunner(const PoolSettings& settings, Inspector inspector);
  ~PrivateRunner();  // it has ended, with its worker, and nothing of it is left
  PrivateRunner(const PrivateRunner&) = delete;
  PrivateRunner& operator=(const PrivateRunner&) = delete;

  std::unique_ptr<Link> connect(Deadline deadline);  // throws Error(boot_failed)
  void let_go() { hold_.reset(); }                   // it leaves when the last link has ended, and its worker
  pid_t pid() const { return child_.pid; }

 private:
  void start(const PoolSettings& settings, Inspector inspector);
  std::string directory_;
  Child child_;
  std::unique_ptr<Link> hold_;  // a call that needs a second link meets the same runner
};

}  // namespace flame::client
