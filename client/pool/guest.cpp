#include "client/pool/guest.hpp"

#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kNameMax = 32;                         // of a pool
constexpr std::string_view kDefaultGuest = "shared-cpu-1x";  // of engines that know such names

struct Size {
  bool performance = false;
  std::uint64_t cpus = 0, memory_mb = 0;
};

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<std::uint64_t> memory_of(std::string_view text) {
  const bool plain = text.find_first_not_of("0123456789") == std::string_view::npos;
  const auto bytes = parse_size_bytes(plain ? std::string(text) + "MB" : std::string(text));
  if (!bytes) return std::nullopt;
  return *bytes / (1024 * 1024);
}

// Whether there is such a machine is for the engine to say.
std::optional<Size> size_of(std::string_view text) {
  constexpr std::uint64_t shared_mb = 256, performance_mb = 2048;  // for each CPU
  Size out;
  out.performance = take(text, "performance-");
  if (!out.performance && !take(text, "shared-cpu-") && !take(text, "shared-")) return std::nullopt;
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), out.cpus);
  if (why != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (!take(text, "x")) return std::nullopt;
  out.memory_mb = out.cpus * (out.performance ? performance_mb : shared_mb);
  if (text.empty()) return out;
  const auto memory_mb = take(text, ":") ? memory_of(text) : std::nullopt;
  if (!memory_mb) return std::nullopt;
  out.memory_mb = *memory_mb;
  return out;
}

std::string plain_word(const std::string& guest) {
  std::string out = "-";
  for (const char c : guest) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
    out += plain ? static_cast<char>(std::tolower(static_cast<unsigned char>(c))) : '-';
  }
  return out;
}

}  // namespace

// From one such pool to another, its name is that of the first and one guest.
PoolSettings rung_of(const PoolSettings& pool, const std::string& guest) {
  PoolSettings out = pool;
  out.guest = guest;
  const std::string before = plain_word(pool.guest);
  if (!pool.guest.empty() && out.name.ends_with(before)) out.name.erase(out.name.size() - before.size());
  out.name += plain_word(guest);
  if (out.name.size() > kNameMax)
    out.name = out.name.substr(0, kNameMax - 9) + "-" + hex(sha256(out.name)).substr(0, 8);
  return out;
}

bool guest_fits(std::string_view wanted, std::string_view own) {
  if (wanted == own) return true;
  const auto want = size_of(wanted), have = size_of(own.empty() ? kDefaultGuest : own);
  if (!want || !have) return false;
  return want->performance <= have->performance && want->cpus <= have->cpus &&
         want->memory_mb <= have->memory_mb;
}

std::string guest_in_name(std::string_view end) {
  if (size_of(end)) return std::string(end);
  std::string out(end);
  const std::size_t dash = out.rfind('-');
  if (dash == std::string::npos) return {};
  out[dash] = ':';
  for (char& c : std::span(out).subspan(dash))
    c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return size_of(out) ? out : "";
}

PoolSettings pool_for_guest(const PoolSettings& pool, const std::string& flag, const std::string& wish) {
  const bool one_size = pool.backend == "local";
  if (one_size && !flag.empty())
    throw Error(ErrorKind::config,
                "--guest " + printable(flag) + ": the engine local has one size, this computer",
                "name another backend in flame.toml");
  // A wish is the least that will do; a guest that was named is meant.
  if (!flag.empty()) return flag == pool.guest ? pool : rung_of(pool, flag);
  return one_size || wish.empty() || guest_fits(wish, pool.guest) ? pool : rung_of(pool, wish);
}

}  // namespace flame::client
