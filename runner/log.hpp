// The runner's log: one JSON object a line on stderr. Never a secret, never an argument's value.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace flame::runner {

enum class LogLevel : std::uint8_t { debug, info, warning, error };
std::optional<LogLevel> log_level_from_name(std::string_view name);

struct LogField {
  std::string_view name;  // with its unit: "elapsed_ms"
  std::variant<std::string_view, std::uint64_t, bool> value;
};

// {"ts":"2026-01-31T12:00:00.000Z","level":"info","event":"listening",…}; invalid UTF-8 is shown as \xNN.
std::string log_line(std::uint64_t unix_ms, LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields);

void set_log_level(LogLevel least);
void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields = {});

}  // namespace flame::runner
