#include "client/pool/breaker.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr std::size_t kFileMaxBytes = 64 * 1024;
constexpr std::int64_t kFreeTries = 3;  // in a row, before there is a pause
constexpr std::int64_t kPauseFirstMs = 30'000, kPauseMaxMs = 600'000;

// One clock for all processes of this computer since it was started.
std::int64_t ms_of(Clock::time_point at) {
  return std::chrono::duration_cast<milliseconds>(at.time_since_epoch()).count();
}

std::int64_t pause_ms(std::int64_t count) {
  if (count < kFreeTries) return 0;
  return std::min(kPauseFirstMs << std::min<std::int64_t>(count - kFreeTries, 10), kPauseMaxMs);
}

}  // namespace

std::optional<Breaker::Record> Breaker::read() const {
  if (::access(path_.c_str(), F_OK) != 0) return std::nullopt;
  try {
    const UniqueFd fd = open_file(path_, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const json::value file = json::parse(read_fd(fd.get(), kFileMaxBytes));
    if (json::value_to<std::string>(file.at("generation")) != generation_) return std::nullopt;
    Record out{file.at("count").to_number<std::int64_t>(), file.at("at_ms").to_number<std::int64_t>(),
               json::value_to<std::string>(file.at("message")), json::value_to<std::string>(file.at("hint"))};
    // Of another life of this computer.
    if (out.at_ms > ms_of(Clock::now())) return std::nullopt;
    return out;
  } catch (const std::exception&) {  // advice that cannot be read is none
    return std::nullopt;
  }
}

std::optional<Error> Breaker::open() {
  const auto since = std::exchange(waiting_since_, std::nullopt);
  const auto record = read();
  if (!record) return std::nullopt;
  if (since && record->at_ms >= ms_of(*since))
    return Error(ErrorKind::boot_failed, record->message, record->hint).at_phase("boot");
  const std::int64_t left_ms = record->at_ms + pause_ms(record->count) - ms_of(Clock::now());
  if (ignored_ || left_ms <= 0) return std::nullopt;
  Error error(ErrorKind::boot_failed,
              "the last " + std::to_string(record->count) + " boots failed; the next is tried in " +
                  human_duration(static_cast<std::uint64_t>(left_ms)) + ": " + record->message,
              "'flame pool warm' tries at once" + (record->hint.empty() ? "" : "; " + record->hint));
  error.retry_after_ms = left_ms;
  return error.at_phase("boot");
}

void Breaker::failed(const Error& error) noexcept {
  try {
    const auto before = read();
    const json::object file = {{"generation", generation_},
                               {"count", (before ? before->count : 0) + 1},
                               {"at_ms", ms_of(Clock::now())},
                               {"message", error.message},
                               {"hint", error.hint}};
    const UniqueFd fd = open_file(path_ + ".new", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (write_all(fd.get(), json::serialize(file))) ::rename((path_ + ".new").c_str(), path_.c_str());
  } catch (const std::exception&) {  // the boot's own error is the one to tell
  }
}

void Breaker::mended() noexcept {
  if (::access(path_.c_str(), F_OK) == 0) ::unlink(path_.c_str());
}

}  // namespace flame::client
