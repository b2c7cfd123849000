// Each phase of a call with its time: what --verbose tells, and flame explain later.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "client/call.hpp"
#include "client/calls/call_log.hpp"

namespace flame::cli {

// The same of a call whose runner's times are all that is known.
std::string usage_lines(const client::CallUsage& usage);
void fill_usage(const client::CallUsage& usage, client::LoggedCall& out);

class PhaseTimes {
 public:
  void begin(std::string_view phase);  // ends the one before
  // The one that goes on was spent waiting, and the call begins anew at another runner.
  void waited() { phases_.back().name = "queue"; }
  void usage(const client::CallUsage& usage) { usage_ = usage; }
  // How the call went so far, for those who ask later.
  void fill(client::LoggedCall& out) const;
  // Lines for stderr: "flame: connect   0.31 ms".
  std::string report();

 private:
  struct Phase {
    std::string name;
    Clock::time_point at;
  };
  client::Phase logged_phase(std::size_t at) const;

  std::vector<Phase> phases_;
  std::optional<client::CallUsage> usage_;
};

}  // namespace flame::cli
