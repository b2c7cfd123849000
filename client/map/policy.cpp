#include "client/map/policy.hpp"

#include <algorithm>
#include <charconv>

namespace flame::client {
namespace {

constexpr std::uint64_t kPercentLeastFailed = 3;
constexpr std::uint32_t kLostAgain = 5;  // of an idempotent function, without --retries
constexpr double kFirstDelayMs = 100, kDelayMaxMs = 10'000;

// Another try would end the same way.
bool hopeless(ErrorKind kind) {
  return kind == ErrorKind::bad_arguments || kind == ErrorKind::bad_result || kind == ErrorKind::cancelled ||
         kind == ErrorKind::limit || kind == ErrorKind::usage;
}

}  // namespace

bool HaltPolicy::reached(std::uint64_t failed, std::uint64_t over) const {
  if (when == When::never || failed == 0) return false;
  if (failed_count > 0) return failed >= failed_count;
  return failed >= kPercentLeastFailed &&
         static_cast<double>(failed) * 100 >= failed_percent * static_cast<double>(over);
}

std::optional<HaltPolicy> parse_halt(std::string_view text) {
  HaltPolicy halt;
  if (text == "never") return halt;
  if (text.starts_with("now,"))
    halt.when = HaltPolicy::When::now;
  else if (text.starts_with("soon,"))
    halt.when = HaltPolicy::When::soon;
  else
    return std::nullopt;
  text.remove_prefix(text.find(',') + 1);
  if (!text.starts_with("fail=")) return std::nullopt;
  text.remove_prefix(5);
  const bool percent = text.ends_with('%');
  if (percent) text.remove_suffix(1);
  std::uint64_t number = 0;
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (why != std::errc() || end != text.data() + text.size() || number == 0 || (percent && number > 100))
    return std::nullopt;
  if (percent)
    halt.failed_percent = static_cast<double>(number);
  else
    halt.failed_count = number;
  return halt;
}

std::optional<milliseconds> retry_delay(const RetryPolicy& policy, const Error& error,
                                        std::uint32_t begun_attempts, double spread) {
  const bool moved = error.kind == ErrorKind::busy || error.kind == ErrorKind::draining ||
                     error.kind == ErrorKind::lost || error.kind == ErrorKind::timed_out;
  if (error.fate == Fate::never_begun && moved) return milliseconds(0);
  if (hopeless(error.kind)) return std::nullopt;
  const std::uint32_t asked = policy.retries;
  const bool lost = error.kind == ErrorKind::lost && policy.idempotent;
  if (begun_attempts > (lost ? std::max(asked, kLostAgain) : asked)) return std::nullopt;
  if (lost && asked == 0) return milliseconds(0);
  const double delay =
      std::min(kFirstDelayMs * static_cast<double>(1ULL << std::min(begun_attempts - 1, 20U)), kDelayMaxMs);
  return milliseconds(static_cast<std::int64_t>(delay * (0.5 + spread / 2)));
}

bool ends_all(ErrorKind kind) {
  return kind == ErrorKind::plugin_missing || kind == ErrorKind::plugin_unloadable ||
         kind == ErrorKind::abi_mismatch || kind == ErrorKind::unknown_function || kind == ErrorKind::refused;
}

}  // namespace flame::client
