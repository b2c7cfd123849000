#include "runner/log.hpp"

#include <unistd.h>

#include <array>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "base/unix_time.hpp"
#include "runner/worker/result_writer.hpp"

namespace flame::runner {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
LogLevel least_level = LogLevel::info;  // of this process: a runner is one

void append_text(std::string& out, std::string_view text) {
  worker::append_json_string(out, valid_utf8(text) ? text : std::string_view(printable(text, true)));
}

void append_value(std::string& out, const LogField& field) {
  if (const auto* text = std::get_if<std::string_view>(&field.value)) return append_text(out, *text);
  if (const auto* number = std::get_if<std::uint64_t>(&field.value)) {
    out += std::to_string(*number);
    return;
  }
  out += std::get<bool>(field.value) ? "true" : "false";
}

}  // namespace

std::optional<LogLevel> log_level_from_name(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<LogLevel>(i);
  return std::nullopt;
}

std::string log_line(std::uint64_t unix_ms, LogLevel level, std::string_view event,
                     std::initializer_list<LogField> fields) {
  std::string out = "{\"ts\":\"" + utc_timestamp(unix_ms) + "\",\"level\":\"";
  out += kNames[static_cast<std::size_t>(level)];
  append_text(out += "\",\"event\":", event);
  for (const LogField& field : fields) {
    append_text(out += ',', field.name);
    append_value(out += ':', field);
  }
  return out + "}\n";
}

void set_log_level(LogLevel least) { least_level = least; }

void log(LogLevel level, std::string_view event, std::initializer_list<LogField> fields) {
  if (level < least_level) return;
  write_all(STDERR_FILENO, log_line(unix_now_ms(), level, event, fields));
}

}  // namespace flame::runner
