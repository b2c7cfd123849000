// What `flame explain` will know of a call: its row is written once, when the call has ended.
#pragma once
#include "base/error.hpp"
#include "cli/ui/phase_times.hpp"
#include "client/call.hpp"
#include "client/calls/call_log.hpp"

namespace flame::cli {

class CallNote {
 public:
  CallNote(const client::Invocation& call, const std::string& pool) : call_(call), pool_(pool) {}

  void is_detached(std::uint64_t id);
  // "flame: call   4k7d…", for --verbose.
  std::string id_line() const;
  // hello: of the runner that had it, or empty. Never fails.
  void write(const PhaseTimes& times, const std::string& hello, const Error* error) noexcept;

 private:
  const client::Invocation& call_;
  const std::string& pool_;
  std::uint64_t id_ = client::log_id();
  bool detached_ = false;
};

}  // namespace flame::cli
