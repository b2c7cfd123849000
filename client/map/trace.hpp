// --trace FILE: what ran where and when, as a Chrome trace (the "JSON object format"), written as it happens.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"

namespace flame::client {

class Trace {
 public:
  explicit Trace(const std::string& path);  // throws Error(system)
  ~Trace();                                 // ends the file

  struct Span {
    std::string_view runner, name, outcome;
    std::uint64_t item = 0;
    std::uint32_t slots = 1;
    Clock::time_point from, to;
  };
  // A call: it goes to a row of its runner that was free then; there are as many rows as slots.
  void call(const Span& span);
  void boot(std::string_view runner, Clock::time_point from, Clock::time_point to);
  // Writes what has gathered. Throws Error(system) that names the file.
  void flush();

 private:
  struct Rows {
    std::uint32_t process = 0;
    std::vector<std::int64_t> free_at_us;  // by row
  };
  Rows& rows_of(std::string_view runner);
  std::int64_t us(Clock::time_point at) const;
  void begin_event(const char* phase, std::uint32_t process, std::size_t thread);

  std::string path_;
  UniqueFd fd_;
  Clock::time_point start_ = Clock::now();
  std::map<std::string, Rows, std::less<>> runners_;
  std::string text_;
  bool first_ = true;
};

}  // namespace flame::client
