// An ELF file as the dynamic loader sees it, read from its headers and tables alone. What depends on section
// headers (the manifest, debug info) is absent when they are.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/plugin/byte_source.hpp"

namespace flame::client {

struct ElfSegment {
  std::uint32_t type = 0, flags = 0;
  std::uint64_t offset = 0, address = 0, file_bytes = 0, memory_bytes = 0;
};

struct ElfSection {
  std::string_view name;
  std::uint32_t type = 0;
  std::uint64_t flags = 0, offset = 0, bytes = 0;
};

// One version that the file needs of a library: "GLIBC_2.34" of "libc.so.6".
struct ElfVersionNeed {
  std::string_view library, version;
  std::uint16_t index = 0;  // what .gnu.version has for symbols of this version
  bool weak = false;        // the loader only warns when it is missing
};

struct ElfSymbol {
  std::string_view name;
  std::uint16_t version = 0;  // index; 0 and 1: none
  bool defined = false, weak = false, unique = false, function = false;
};

// Texts point into the source.
struct Elf {
  bool is_64 = false, little_endian = false;
  std::uint16_t machine = 0, type = 0;
  bool has_dynamic = false;
  std::vector<ElfSegment> segments;
  std::vector<ElfSection> sections;
  std::vector<std::string_view> needed;
  std::string_view soname, rpath, runpath, interpreter;
  bool text_relocations = false;
  std::vector<ElfVersionNeed> version_needs;
  std::vector<std::string_view> version_definitions;  // without the file's own name
  std::string_view build_id;                          // raw bytes
  std::uint32_t isa_needed = 0;                       // x86: 1 << (level - 1); 0: not said
  bool executable_stack = false;

  const ElfSection* section(std::string_view name) const;
  // Every dynamic symbol with a name. Throws Error(plugin_unloadable) when the tables are damaged.
  void for_each_symbol(const std::function<void(const ElfSymbol&)>& take) const;

  // The dynamic symbol table, raw.
  std::string_view strings, symbols, symbol_versions;
};

// Reads everything above. Of a file that is not 64-bit little-endian only the first four fields. Throws
// Error(plugin_unloadable) that says what is wrong: empty, no ELF file, truncated, damaged.
Elf read_elf(ByteSource& source);

// "x86-64", "arm64", "machine 99".
std::string machine_name(std::uint16_t machine);
std::uint16_t own_machine();

}  // namespace flame::client
