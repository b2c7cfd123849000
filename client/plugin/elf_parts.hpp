// Inside of the ELF reader: checked looks into tables, and the dynamic section.
#pragma once
#include <cstring>
#include <string>
#include <string_view>

#include "client/plugin/elf.hpp"

namespace flame {
class Error;
}

namespace flame::client {

Error elf_damage(std::string why);

[[noreturn]] void throw_out_of_table();

template <class T>
T object_at(std::string_view table, std::uint64_t offset) {
  if (offset > table.size() || sizeof(T) > table.size() - offset) throw_out_of_table();
  T value;
  std::memcpy(&value, table.data() + offset, sizeof value);
  return value;
}

// The NUL-terminated text at offset; empty when offset is outside. Throws when it has no end or is longer
// than kElfNameMaxBytes.
std::string_view text_at(std::string_view strings, std::uint64_t offset);

// needed, names, paths, versions, symbol tables of the dynamic section.
void read_dynamic(ByteSource& source, Elf& elf);

// GNU_PROPERTY_X86_ISA_1_NEEDED of a property note's description; 0 when it is not there.
std::uint32_t isa_needed(std::string_view properties);

}  // namespace flame::client
