// What --verbose tells: each phase of a call with its time.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "client/call.hpp"

namespace flame::cli {

// The same of a call whose runner's times are all that is known.
std::string usage_lines(const client::CallUsage& usage);

class PhaseTimes {
 public:
  void begin(std::string_view phase);  // ends the one before
  void usage(const client::CallUsage& usage) { usage_ = usage; }
  // Lines for stderr: "flame: connect   0.31 ms".
  std::string report();

 private:
  struct Phase {
    std::string name;
    Clock::time_point at;
  };
  std::vector<Phase> phases_;
  std::optional<client::CallUsage> usage_;
};

}  // namespace flame::cli
