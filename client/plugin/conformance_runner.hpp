// The private runner that conformance cases run on, and the ways in which they call it.
#pragma once
#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {

class ConformanceRunner {
 public:
  // Boots it: a pool of its own on the local engine, with one slot. Throws Error when that fails.
  ConformanceRunner(std::string path, std::string sha256);
  ~ConformanceRunner();  // it is gone, with its workers
  ConformanceRunner(const ConformanceRunner&) = delete;
  ConformanceRunner& operator=(const ConformanceRunner&) = delete;

  // One call in a fresh worker; arguments: a JSON array. nullopt: done.
  std::optional<Error> call(const std::string& function, const std::string& arguments, Deadline deadline);

  struct CancelEnd {
    enum What { done_before, heeded, killed, other } what = other;
    std::optional<Error> error;  // with other
  };
  CancelEnd cancel(const std::string& function, const std::string& arguments, Deadline deadline);

  struct RepeatEnd {
    std::uint64_t done = 0;
    std::uint64_t before_bytes = 0, after_bytes = 0;  // resident: after a tenth of the calls, after all
    std::optional<Error> error;
  };
  // The same call again and again in one worker, until `count` or the deadline.
  RepeatEnd repeat(const std::string& function, const std::string& arguments, std::uint64_t count,
                   Deadline deadline);

 private:
  std::unique_ptr<Link> link(Deadline deadline);
  std::string bind_and_call(const std::string& function, const std::string& arguments, bool fresh,
                            Deadline deadline) const;
  static void append_call(std::string& out, std::uint64_t id, const std::string& arguments,
                          Deadline deadline);
  std::uint64_t worker_bytes() const;
  pid_t worker() const;

  std::string path_, sha256_;
  Pool pool_;
  pid_t runner_ = -1;
  std::string name_;
};

}  // namespace flame::client
