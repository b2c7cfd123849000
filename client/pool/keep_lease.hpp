// Who keeps a pool: of the keepers of one user a lock decides, of those of several computers the engine's
// lease. The lock's file tells the next one what it needs to go on at once, and others what the keeper last
// decided.
#pragma once
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {

// What stands in the file while a keeper holds it.
struct KeeperNote {
  std::int64_t pid = 0;
  std::string lease, decision;
  std::int64_t decided_at_ms = 0;  // Unix time
  std::int64_t boots_ready = 0, boots_failed = 0;
};
// Of the keeper of this user that keeps this pool now, if there is one. Takes no lock.
std::optional<KeeperNote> keeper_of(const Pool& pool);

class KeepLease {
 public:
  explicit KeepLease(Pool& pool);
  ~KeepLease();
  KeepLease(const KeepLease&) = delete;
  KeepLease& operator=(const KeepLease&) = delete;

  // Asks for what is due; never blocks but to ask once what the engine can. Throws Error.
  void step(Clock::time_point now);
  // True when the answer was to a request of ours.
  bool take(const BackendAnswer& answer, Clock::time_point now);
  bool held(Clock::time_point now) const { return lock_ && (!engine_leases_ || now < held_until_); }
  Clock::time_point wake_at() const { return next_; }
  const std::string& holder() const { return holder_; }  // why we wait
  // For others to see (keeper_of); does nothing when all is as before.
  void note(const std::string& decision, std::uint64_t boots_ready, std::uint64_t boots_failed);
  // The engine's record of us is dropped, so that nobody has to wait for its end. Blocks for a moment.
  void release();

 private:
  bool lock();
  void write_note();

  Pool& pool_;
  const std::string path_;
  UniqueFd lock_;
  bool asked_abilities_ = false, engine_leases_ = false;
  KeeperNote note_;
  std::string holder_;
  std::uint64_t request_ = 0;
  Clock::time_point next_{}, asked_at_{}, held_until_{};
};

}  // namespace flame::client
