#include "client/calls/call_log.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <map>
#include <type_traits>

#include "base/fd.hpp"
#include "client/state_dir.hpp"

namespace flame::client {
namespace {

constexpr std::uint32_t kMagic = 0x31434c46;  // "FLC1": its last digit counts up when a row changes
constexpr std::uint8_t kMeasured = 1, kDetached = 2;
constexpr std::size_t kFileMaxBytes = 16 * 1024 * 1024;

struct Row {
  std::uint32_t magic;
  std::uint8_t flags, outcome;  // 0: done, else the kind of its error and one
  std::uint8_t unused[2];
  std::uint64_t id, begun_at_ms, total_us, cpu_us, peak_bytes;
  std::uint64_t phase_us[kPhaseCount];
  char plugin[48], function[48], pool[32], runner[40];
};
static_assert(sizeof(Row) == 296 && std::is_trivially_copyable_v<Row>);

template <std::size_t N>
void put(char (&to)[N], const std::string& text) {
  std::memcpy(to, text.data(), std::min(text.size(), N));
}

template <std::size_t N>
std::string text_in(const char (&from)[N]) {
  return std::string(from, ::strnlen(from, N));
}

Row row_of(const LoggedCall& call) {
  Row row{};
  row.magic = kMagic;
  row.flags = static_cast<std::uint8_t>((call.measured ? kMeasured : 0) | (call.detached ? kDetached : 0));
  if (call.error) row.outcome = static_cast<std::uint8_t>(static_cast<unsigned>(*call.error) + 1);
  row.id = call.id;
  row.begun_at_ms = call.begun_at_ms;
  row.total_us = call.total_us;
  row.cpu_us = call.cpu_us;
  row.peak_bytes = call.peak_bytes;
  std::copy(call.phase_us.begin(), call.phase_us.end(), std::begin(row.phase_us));
  put(row.plugin, call.plugin.substr(call.plugin.rfind('/') + 1));
  put(row.function, call.function);
  put(row.pool, call.pool);
  put(row.runner, call.runner);
  return row;
}

LoggedCall call_of(const Row& row) {
  LoggedCall out;
  out.measured = (row.flags & kMeasured) != 0;
  out.detached = (row.flags & kDetached) != 0;
  if (row.outcome != 0)
    out.error = static_cast<ErrorKind>(std::min<unsigned>(row.outcome - 1U, unsigned(ErrorKind::internal)));
  out.id = row.id;
  out.begun_at_ms = row.begun_at_ms;
  out.total_us = row.total_us;
  out.cpu_us = row.cpu_us;
  out.peak_bytes = row.peak_bytes;
  std::copy(std::begin(row.phase_us), std::end(row.phase_us), out.phase_us.begin());
  out.plugin = text_in(row.plugin);
  out.function = text_in(row.function);
  out.pool = text_in(row.pool);
  out.runner = text_in(row.runner);
  return out;
}

int open_log(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

// The later row of a detached call has its end, as its runner measured it.
void add_end(LoggedCall& call, const LoggedCall& end) {
  for (std::size_t i = 0; i < kPhaseCount; ++i)
    if (end.phase_us[i] != 0) call.phase_us[i] = end.phase_us[i];
  call.cpu_us = end.cpu_us;
  call.peak_bytes = end.peak_bytes;
  call.measured = call.measured || end.measured;
  call.error = end.error;
}

void read_rows(const std::string& path, std::vector<LoggedCall>& out,
               std::map<std::uint64_t, std::size_t>& places) {
  std::string bytes;
  try {
    bytes = read_file(path, kFileMaxBytes);
  } catch (const Error&) {  // there was none yet
    return;
  }
  for (std::size_t at = 0; at + sizeof(Row) <= bytes.size(); at += sizeof(Row)) {
    Row row;
    std::memcpy(&row, bytes.data() + at, sizeof row);
    if (row.magic != kMagic) continue;
    const auto [place, is_new] = places.try_emplace(row.id, out.size());
    if (is_new)
      out.push_back(call_of(row));
    else
      add_end(out[place->second], call_of(row));
  }
}

}  // namespace

std::string_view phase_name(Phase phase) {
  constexpr std::array<std::string_view, kPhaseCount> names = {
      "find", "engine", "start", "connect", "ship", "send", "queue", "load", "run", "receive"};
  return names[static_cast<std::size_t>(phase)];
}

std::uint64_t log_id() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const auto ns =
      static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec);
  std::uint64_t id = ns ^ (static_cast<std::uint64_t>(::getpid()) << 44U);
  // Its first digits are what people type: mixed, as splitmix64 does.
  id = (id ^ (id >> 30U)) * 0xbf58476d1ce4e5b9U;
  id = (id ^ (id >> 27U)) * 0x94d049bb133111ebU;
  return (id ^ (id >> 31U)) | 1U;
}

void log_call(const LoggedCall& call) noexcept try {
  const std::string path = state_path("call-times");
  if (path.empty()) return;
  UniqueFd fd(open_log(path));
  if (!fd && !state_dir("").empty()) fd = UniqueFd(open_log(path));
  if (!fd) return;
  const Row row = row_of(call);
  if (::write(fd.get(), &row, sizeof row) != static_cast<ssize_t>(sizeof row)) return;
  if (::lseek(fd.get(), 0, SEEK_CUR) >= static_cast<off_t>(kLoggedCallsMin * sizeof row))
    ::rename(path.c_str(), (path + ".old").c_str());
} catch (...) {  // what is remembered of a call is no reason to fail it
}

std::vector<LoggedCall> logged_calls() {
  std::vector<LoggedCall> out;
  std::map<std::uint64_t, std::size_t> places;
  const std::string path = state_path("call-times");
  read_rows(path + ".old", out, places);
  read_rows(path, out, places);
  return out;
}

}  // namespace flame::client
