#include "runner/kernel_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::runner {
namespace {

constexpr std::size_t kTextMaxBytes = 64 * 1024;

std::string text_of(const std::string& path) {
  // Mostly it is not there; and the first error of a static program costs it milliseconds and memory.
  if (::access(path.c_str(), R_OK) != 0) return {};
  try {
    return read_file(path, kTextMaxBytes);
  } catch (const Error&) {
    return {};  // this kernel has none
  }
}

std::uint64_t number_at(std::string_view text) {
  std::uint64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// Where /proc/self/cgroup says that we are; inside a container that is often the root of what is mounted.
std::string group_after(std::string_view groups, std::string_view head) {
  const std::size_t at = groups.find(head);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = groups.substr(at + head.size());
  return std::string(rest.substr(0, rest.find('\n')));
}

// Where a file of our control group may be, of version 1 and of version 2.
std::array<std::string, 4> files_of_group(const std::string& of_v1, const std::string& of_v2) {
  const std::string groups = text_of("/proc/self/cgroup");
  const std::string v1 = "/sys/fs/cgroup/memory", v2 = "/sys/fs/cgroup";
  return {v1 + group_after(groups, ":memory:") + "/" + of_v1, v1 + "/" + of_v1,
          v2 + group_after(groups, "0::") + "/" + of_v2, v2 + "/" + of_v2};
}

}  // namespace

std::optional<std::uint64_t> starvations_in(std::string_view counts) {
  constexpr std::string_view key = "\noom_kill ";
  const std::size_t at = counts.find(key);
  return at == std::string_view::npos ? std::nullopt
                                      : std::optional(number_at(counts.substr(at + key.size())));
}

std::optional<std::uint64_t> memory_limit_in(std::string_view text) {
  const std::uint64_t limit = number_at(text);
  return limit == 0 ? std::nullopt : std::optional(limit);
}

StarvationWatch::StarvationWatch() {
  for (const std::string& file : files_of_group("memory.oom_control", "memory.events")) {
    file_ = file;
    if (const auto count = starvations_in(text_of(file))) {
      before_ = *count;
      return;
    }
  }
  file_ = "/proc/vmstat";
  before_ = starvations_in(text_of(file_)).value_or(0);
}

bool StarvationWatch::take_one() const {
  static std::map<std::string, std::uint64_t> all_taken;
  std::uint64_t& taken = all_taken[file_];
  const std::uint64_t known = std::max(before_, taken);
  if (starvations_in(text_of(file_)).value_or(0) <= known) return false;
  taken = known + 1;
  return true;
}

std::uint64_t usable_memory_bytes() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  std::uint64_t out = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  for (const std::string& path : files_of_group("memory.limit_in_bytes", "memory.max"))
    if (const auto limit = memory_limit_in(text_of(path))) out = std::min(out, *limit);
  return out;
}

}  // namespace flame::runner
