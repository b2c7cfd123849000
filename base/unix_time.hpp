// The date, for people, logs and files that others read. Deadlines are of clock.hpp.
#pragma once
#include <cstdint>
#include <string>

namespace flame {

std::uint64_t unix_now_ms();
std::uint64_t unix_age_ms(std::uint64_t then_ms);  // 0 for what lies ahead
std::string utc_timestamp(std::uint64_t unix_ms);  // "2026-01-31T12:00:00.000Z"

}  // namespace flame
