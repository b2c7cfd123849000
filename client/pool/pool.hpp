// Finding a runner: the hint first, then the engine.
#pragma once
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "client/link/link.hpp"

namespace flame::client {

struct PoolSettings {
  std::string name = "default";
  std::string backend = "local";
  std::uint64_t slots = 0;  // 0: one per CPU
  std::uint64_t idle_timeout_ms = 300'000;
  std::uint64_t max_lifetime_ms = 0;
  std::uint64_t boot_timeout_ms = 60'000;
  std::string sandbox = "default";
};

class Pool {
 public:
  explicit Pool(PoolSettings settings);  // throws Error(config) when the runtime directory is not ours alone

  // A link to a ready runner; boots one when there is none. Throws Error(boot_failed, timed_out, …).
  std::unique_ptr<Link> find(Deadline deadline);
  // A link to a runner that is there, or nothing.
  std::unique_ptr<Link> find_ready(Deadline deadline);
  void destroy();
  std::string runner_name() const { return "flame-" + settings_.name + "-0"; }
  std::string socket_path() const;

 private:
  std::string ask_backend(const char* verb, Deadline deadline);

  PoolSettings settings_;
  std::string runtime_dir_, runner_path_, backend_path_, build_;
};

}  // namespace flame::client
