#include "client/plugin/inspection.hpp"

#include <elf.h>

#include "base/text.hpp"
#include "client/plugin/symbols.hpp"

namespace flame::client {
namespace {

std::string type_name(std::uint16_t type) {
  switch (type) {
    case ET_REL:
      return "object file";
    case ET_EXEC:
      return "executable";
    case ET_DYN:
      return "shared object";
    case ET_CORE:
      return "core file";
    default:
      return "type " + std::to_string(type);
  }
}

NameList readable(const std::vector<std::string_view>& names, std::size_t most) {
  NameList out;
  out.count = names.size();
  for (std::size_t i = 0; i < names.size() && i < most; ++i) out.first.push_back(demangle(names[i]));
  return out;
}

std::vector<NewestNeed> newest_needs(const Elf& elf, std::size_t most) {
  std::vector<NewestNeed> out;
  for (const ElfVersionNeed& need : elf.version_needs) {
    NewestNeed* same = nullptr;
    for (NewestNeed& one : out)
      if (one.library == need.library && version_family(one.version) == version_family(need.version))
        same = &one;
    if (same == nullptr)
      out.push_back({std::string(need.library), std::string(need.version), {}});
    else if (compare_versions(same->version, need.version) < 0)
      same->version = need.version;
  }
  for (NewestNeed& one : out) one.symbols = readable(symbols_that_need(elf, one.library, one.version), most);
  return out;
}

}  // namespace

Inspection inspect(OpenPlugin& plugin, std::size_t names_max, bool hash) {
  const Elf& elf = plugin.elf;
  Inspection out;
  out.path = plugin.path;
  out.sha256 = hash ? plugin.sha256() : plugin.known_sha256().value_or("");
  out.bytes = plugin.key.bytes;
  out.machine = machine_name(elf.machine);
  out.type = type_name(elf.type);
  out.bits = elf.is_64 ? 64 : 32;
  out.little_endian = elf.little_endian;
  out.manifest = plugin.manifest;
  out.exports_entry = plugin.exports_entry;
  out.newest = newest_needs(elf, names_max);
  const Needs needs = needs_of(elf, 0);
  out.versions = needs.versions;
  out.needed = needs.libraries;
  out.soname = elf.soname;
  out.rpath = elf.rpath;
  out.runpath = elf.runpath;
  const SymbolTable symbols = symbol_table(elf);
  out.exported = readable(symbols.exported, names_max);
  out.undefined = readable(symbols.undefined, names_max);
  out.unversioned = readable(symbols.unversioned, names_max);
  out.unique_count = symbols.unique_count;
  out.isa_level = isa_level(elf.isa_needed);
  out.build_id = hex(elf.build_id);
  out.debug_info = elf.section(".debug_info") != nullptr || elf.section(".zdebug_info") != nullptr;
  out.stripped = elf.section(".symtab") == nullptr;
  out.executable_stack = elf.executable_stack;
  out.text_relocations = elf.text_relocations;
  out.sanitizers = symbols.sanitizers;
  return out;
}

}  // namespace flame::client
