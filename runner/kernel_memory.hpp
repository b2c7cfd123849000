// What the kernel tells of memory: how much this machine may use, and whether it killed for want of it.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flame::runner {

// Whether the kernel killed one of our control group for want of memory since this was made. Where it does
// not count by group, one of this machine.
class StarvationWatch {
 public:
  StarvationWatch();
  bool take_one() const;  // true once for each that was killed, among all watches

 private:
  std::string file_;  // of the group then: we may be moved
  std::uint64_t before_ = 0;
};

// Of the machine, or of the control group that we are in where that is less.
std::uint64_t usable_memory_bytes();

// Texts that the two above read. none: it does not tell.
std::optional<std::uint64_t> starvations_in(std::string_view counts);
std::optional<std::uint64_t> memory_limit_in(std::string_view text);  // none: "max"

}  // namespace flame::runner
