// The pool as `map` uses it: links to runners that are known, and boots that go on beside the work.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "client/pool/pool.hpp"

namespace flame::client {

class Fleet {
 public:
  Fleet(Pool& pool, Deadline deadline);

  // A link to a runner that is there and that we have none to; nullptr: there is none.
  std::unique_ptr<Link> next_known();
  // Asks for one more, unless the pool has said a moment ago that there is none to be had.
  void boot(Clock::time_point now);
  bool may_boot(Clock::time_point now) const { return now >= not_before_; }
  std::uint32_t booting() const { return static_cast<std::uint32_t>(boots_.size() + connecting_.size()); }

  // What has become of the boots. Call it when fd() is readable, at wake_at(), or just so.
  std::vector<std::unique_ptr<Link>> arrivals(Clock::time_point now);
  int fd() const { return pool_.boot_fd(); }
  Clock::time_point wake_at() const;

  // Why the latest boot failed, once; whoever has no runner at all gives up with it.
  std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }
  void left(const std::string& name);  // a runner is gone: its name may come again

  double boot_seconds() const;  // measured here, or a guess
  double boot_seconds_sum() const { return boot_seconds_sum_; }
  std::uint32_t boot_count() const { return boot_count_; }
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  struct Boot {
    std::uint64_t id = 0;
    Clock::time_point since;
  };
  struct Connecting {
    Runner runner;
    Clock::time_point since, next;
    Deadline deadline;
    std::uint64_t tries = 0;
  };
  std::unique_ptr<Link> try_one(const Runner& runner, milliseconds patience);
  bool advance(Connecting& one, Clock::time_point now, std::vector<std::unique_ptr<Link>>& out);
  bool is_started(const std::string& name);
  void fail(Error error, Clock::time_point now);

  Pool& pool_;
  Deadline deadline_;
  std::vector<Boot> boots_;
  std::vector<Connecting> connecting_;
  std::set<std::string> in_use_, draining_;
  std::optional<Error> failure_;
  std::vector<std::string> notes_;
  Clock::time_point not_before_{}, known_at_{};
  milliseconds pause_{20};
  double boot_seconds_sum_ = 0;
  std::uint32_t boot_count_ = 0;
};

}  // namespace flame::client
