// The pool as `map` uses it: links to runners that are known, and boots that go on beside the work.
#pragma once
#include <poll.h>

#include <cstdint>
#include <map>
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

  // Begins to approach so many runners that are there and that we have no link to; they come by arrivals().
  void seek_known(Clock::time_point now, std::uint32_t wanted = 1);
  bool seeking() const { return !known_.empty() || !arrived_.empty(); }
  // Asks for one more, unless the pool has said a moment ago that there is none to be had.
  void boot(Clock::time_point now);
  bool may_boot(Clock::time_point now) const { return now >= not_before_; }
  std::uint32_t booting() const { return static_cast<std::uint32_t>(boots_.size() + connecting_.size()); }

  // What has become of the boots and of those approached. Call it when one of waits() is ready, at wake_at(),
  // or just so: it never blocks.
  std::vector<std::unique_ptr<Link>> arrivals(Clock::time_point now);
  void append_waits(std::vector<pollfd>& waits) const;
  Clock::time_point wake_at() const;

  // Why the latest boot failed, once; whoever has no runner at all gives up with it.
  std::optional<Error> take_failure() { return std::exchange(failure_, std::nullopt); }
  void left(const std::string& name);  // a link has ended: its runner's name may come again
  // It was lost in mid-work: what its machine died of becomes a note, where the engine knows. True: it is
  // asked, and take_deaths() will have its answer.
  bool lost(const std::string& name);
  struct Death {
    std::string runner;
    std::optional<Error> why;  // none: the engine does not know, or the machine is well
  };
  std::vector<Death> take_deaths() { return std::exchange(deaths_told_, {}); }

  double boot_seconds() const;  // measured here, or a guess
  double boot_seconds_sum() const { return boot_seconds_sum_; }
  std::uint32_t boot_count() const { return boot_count_; }
  std::vector<std::string> take_notes() { return std::exchange(notes_, {}); }

 private:
  struct Boot {
    std::uint64_t id = 0;
    Clock::time_point since;
  };
  // A handshake on its way.
  struct Approach {
    std::unique_ptr<Link> link;
    Clock::time_point until;
  };
  struct Known {
    Runner runner;
    Approach approach;
  };
  struct Connecting {  // booted, and not there yet
    Runner runner;
    Clock::time_point since, next;
    Deadline deadline;
    std::uint64_t tries = 0;
    Approach approach;
  };
  struct Autopsy {
    std::string name, address;
    Clock::time_point due;  // the engine may notice a little later than we
    std::uint64_t request = 0;
  };
  void begin(Approach& approach, const Runner& runner, Clock::time_point now);
  bool proceed(Approach& approach, const Runner& runner, Clock::time_point now);
  std::unique_ptr<Link> settle(Approach& approach, const Runner& runner);
  bool advance(Known& one, Clock::time_point now, std::vector<std::unique_ptr<Link>>& out);
  void approach_known(Clock::time_point now, std::vector<std::unique_ptr<Link>>& out);
  bool advance(Connecting& one, Clock::time_point now, std::vector<std::unique_ptr<Link>>& out);
  bool is_started(const std::string& name);
  void fail(Error error, Clock::time_point now);
  void take_boots(Clock::time_point now);
  void ask_autopsies(Clock::time_point now);
  void take_autopsies();

  Pool& pool_;
  Deadline deadline_;
  std::vector<Boot> boots_;
  std::vector<Connecting> connecting_;
  std::vector<Known> known_;  // as many at a time as are wanted, until so many are there
  std::size_t wanted_ = 1;
  std::vector<std::unique_ptr<Link>> arrived_;
  std::vector<Autopsy> autopsies_;
  std::map<std::string, std::string> in_use_;  // by name: "host:port"; empty where it is not reached over TCP
  std::set<std::string> draining_;
  std::optional<Error> failure_;
  std::vector<std::string> notes_;
  std::vector<Death> deaths_told_;
  Clock::time_point not_before_{}, known_at_{}, begun_at_{};
  milliseconds pause_{20};
  double boot_seconds_sum_ = 0;
  std::uint32_t boot_count_ = 0;
  int deaths_ = 0;
};

}  // namespace flame::client
