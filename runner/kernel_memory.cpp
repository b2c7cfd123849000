#include "runner/kernel_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::runner {
namespace {

constexpr std::size_t kTextMaxBytes = 64 * 1024;

std::string text_of(const std::string& path) {
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

}  // namespace

std::uint64_t starvations_in(std::string_view vmstat) {
  constexpr std::string_view key = "\noom_kill ";
  const std::size_t at = vmstat.find(key);
  return at == std::string_view::npos ? 0 : number_at(vmstat.substr(at + key.size()));
}

std::optional<std::uint64_t> memory_limit_in(std::string_view text) {
  const std::uint64_t limit = number_at(text);
  return limit == 0 ? std::nullopt : std::optional(limit);
}

std::uint64_t kernel_starvations() { return starvations_in(text_of("/proc/vmstat")); }

std::uint64_t usable_memory_bytes() {
  const auto pages = static_cast<std::uint64_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES)));
  std::uint64_t out = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  const std::string groups = text_of("/proc/self/cgroup");
  const std::string v1 = "/sys/fs/cgroup/memory", v2 = "/sys/fs/cgroup";
  for (const std::string& path :
       {v1 + group_after(groups, ":memory:") + "/memory.limit_in_bytes", v1 + "/memory.limit_in_bytes",
        v2 + group_after(groups, "0::") + "/memory.max", v2 + "/memory.max"})
    if (const auto limit = memory_limit_in(text_of(path))) out = std::min(out, *limit);
  return out;
}

}  // namespace flame::runner
