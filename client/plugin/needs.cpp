#include "client/plugin/needs.hpp"

#include <charconv>

namespace flame::client {

std::uint32_t isa_level(std::uint32_t isa_needed) {
  std::uint32_t level = 0;
  for (std::uint32_t bit = 0; bit < 4; ++bit)
    if ((isa_needed >> bit & 1U) != 0) level = bit + 1;
  return level <= 1 ? 0 : level;
}

std::string_view version_family(std::string_view version) {
  const std::size_t at = version.rfind('_');
  const bool numbered = at != std::string_view::npos && at + 1 < version.size() && version[at + 1] >= '0' &&
                        version[at + 1] <= '9';
  return numbered ? version.substr(0, at) : version;
}

int compare_versions(std::string_view a, std::string_view b) {
  const std::string_view family_a = version_family(a), family_b = version_family(b);
  if (family_a != family_b) return family_a < family_b ? -1 : 1;
  a.remove_prefix(std::min(a.size(), family_a.size() + 1));
  b.remove_prefix(std::min(b.size(), family_b.size() + 1));
  const auto take = [](std::string_view& text) {
    std::uint64_t number = 0;
    if (text.empty()) return std::int64_t{-1};
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);  // the dot
    return static_cast<std::int64_t>(number & 0x7fffffff);
  };
  while (!a.empty() || !b.empty()) {
    const std::int64_t x = take(a), y = take(b);
    if (x != y) return x < y ? -1 : 1;
  }
  return 0;
}

Needs needs_of(const Elf& elf, std::uint32_t abi) {
  Needs out;
  out.machine = elf.machine;
  out.isa_level = isa_level(elf.isa_needed);
  out.abi = abi;
  for (const auto library : elf.needed) out.libraries.emplace_back(library);
  for (const auto& need : elf.version_needs)
    out.versions.push_back({std::string(need.library), std::string(need.version), need.weak});
  out.search_path = elf.runpath.empty() ? elf.rpath : elf.runpath;
  out.executable_stack = elf.executable_stack;
  out.text_relocations = elf.text_relocations;
  return out;
}

}  // namespace flame::client
