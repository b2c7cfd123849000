#include "base/error.hpp"

#include <array>
#include <cstring>
#include <utility>

namespace flame {
namespace {

constexpr std::array<std::string_view, 25> kKindNames = {"failed",
                                                         "crashed",
                                                         "exited",
                                                         "out_of_memory",
                                                         "timed_out",
                                                         "cancelled",
                                                         "bad_arguments",
                                                         "bad_result",
                                                         "unknown_function",
                                                         "plugin_missing",
                                                         "plugin_unloadable",
                                                         "abi_mismatch",
                                                         "busy",
                                                         "draining",
                                                         "lost",
                                                         "unreachable",
                                                         "refused",
                                                         "boot_failed",
                                                         "capacity",
                                                         "protocol",
                                                         "limit",
                                                         "usage",
                                                         "config",
                                                         "system",
                                                         "internal"};
static_assert(kKindNames.size() == static_cast<std::size_t>(ErrorKind::internal) + 1);

constexpr std::array<std::string_view, 7> kFateNames = {"done",      "failed",      "crashed", "timed_out",
                                                        "cancelled", "never_begun", "unknown"};
static_assert(kFateNames.size() == static_cast<std::size_t>(Fate::unknown) + 1);

template <class Enum, std::size_t N>
std::optional<Enum> find_name(const std::array<std::string_view, N>& names, std::string_view name) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == name) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

std::string_view error_kind_name(ErrorKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }
std::optional<ErrorKind> error_kind_from_name(std::string_view name) {
  return find_name<ErrorKind>(kKindNames, name);
}
std::string_view fate_name(Fate fate) { return kFateNames[static_cast<std::size_t>(fate)]; }
std::optional<Fate> fate_from_name(std::string_view name) { return find_name<Fate>(kFateNames, name); }

Error::Error(ErrorKind kind_in, std::string message_in, std::string hint_in)
    : kind(kind_in), message(std::move(message_in)), hint(std::move(hint_in)) {}

Error& Error::context(std::string text) {
  contexts.push_back(std::move(text));
  return *this;
}

Error& Error::at_phase(std::string_view name) {
  if (phase.empty()) phase = name;
  return *this;
}

Error& Error::with_fate(Fate value) {
  fate = value;
  return *this;
}

std::string errno_text(int errno_value) {
  std::array<char, 128> buffer{};
  return ::strerror_r(errno_value, buffer.data(), buffer.size());  // the GNU one
}

Error system_error(std::string_view doing, int errno_value) {
  return Error(ErrorKind::system, std::string(doing) + ": " + errno_text(errno_value));
}

}  // namespace flame
