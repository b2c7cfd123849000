// Wall time as the API writes it, and Go's durations.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flame::fly {

std::int64_t unix_ms();
std::string rfc3339(std::int64_t unix_time_ms);  // "2026-08-21T10:00:00.123Z"

// "1h2m3.5s", "250ms", "15s"; nullopt when it is not one.
std::optional<std::int64_t> parse_go_duration_ms(std::string_view text);
std::string go_duration(std::int64_t ms);

}  // namespace flame::fly
