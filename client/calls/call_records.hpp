// This user's detached calls: where each is held, so that another shell finds it. One 0600 file per call,
// STATE/calls/ID, of lines "key value".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/pool/pool.hpp"

namespace flame::client {

struct CallRecord {
  std::uint64_t id = 0;
  std::uint64_t begun_at_ms = 0;  // Unix time
  std::string plugin, function;
  std::string pool, backend, place;  // place: as the pool's hints are called
  std::string runner, unix_path;     // its name; its socket, where it is on this computer
  std::string outcome;               // as it was fetched: "done" or the kind of its error; empty: not yet
};

class CallRecords {
 public:
  // Throws Error(config) when there is no place for them.
  CallRecords();

  void write(const CallRecord& record) const;  // throws Error(system)
  void drop(std::uint64_t id) const noexcept;
  std::vector<CallRecord> all() const;  // the newest first
  // By the whole id, or by a beginning that only one has. Throws Error(usage).
  CallRecord find(const std::string& text) const;
  // Forgets those that are very old, and the oldest of too many.
  void prune() const;

 private:
  std::string path_of(std::uint64_t id) const;
  std::optional<CallRecord> read(const std::string& name) const;

  std::string directory_;
};

// What is known of a call that will go to the runner at the other end of this link.
CallRecord record_of(const Pool& pool, const Link& link, const std::string& plugin,
                     const std::string& function);

// A link to the runner that holds the call. Throws Error(lost) when it is gone, Error(unreachable).
std::unique_ptr<Link> reach(const CallRecord& record, Deadline deadline);

}  // namespace flame::client
