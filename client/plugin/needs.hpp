// What a plugin asks of the place where it is loaded.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "client/plugin/elf.hpp"

namespace flame::client {

struct VersionNeed {
  std::string library, version;
  bool weak = false;
};

struct Needs {
  std::uint16_t machine = 0;
  std::uint32_t isa_level = 0;         // x86-64-v2, -v3, -v4; 0: the machine's baseline, or not said
  std::uint32_t abi = 0;               // flame's; 0: no manifest
  std::vector<std::string> libraries;  // DT_NEEDED
  std::vector<VersionNeed> versions;
  std::string search_path;  // RUNPATH, else RPATH
  bool executable_stack = false, text_relocations = false;
};

Needs needs_of(const Elf& elf, std::uint32_t abi);

// GNU_PROPERTY_X86_ISA_1_NEEDED to the highest level named.
std::uint32_t isa_level(std::uint32_t isa_needed);

// "GLIBC_2.34" against "GLIBC_2.4": -1, 0, 1 by the numbers; names of different families by text.
int compare_versions(std::string_view a, std::string_view b);
// "GLIBC" of "GLIBC_2.34"; the whole name when it has no number.
std::string_view version_family(std::string_view version);

}  // namespace flame::client
