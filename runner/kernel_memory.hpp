// What the kernel tells of memory: how much this machine may use, and whether it killed for want of it.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace flame::runner {

// Processes that the kernel killed for want of memory since it booted; 0: it does not tell. In a container
// those of the whole machine.
std::uint64_t kernel_starvations();

// Of the machine, or of the control group that we are in where that is less.
std::uint64_t usable_memory_bytes();

// Texts that the two above read.
std::uint64_t starvations_in(std::string_view vmstat);
std::optional<std::uint64_t> memory_limit_in(std::string_view text);  // none: "max"

}  // namespace flame::runner
