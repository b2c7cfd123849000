// Symbols as people read them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "client/plugin/elf.hpp"

namespace flame::client {

// A C++ or Rust name as it stands in the source; the name itself when it is not mangled or would be longer
// than kDemangledMaxBytes.
std::string demangle(std::string_view name);

struct SymbolTable {
  // Mangled, in the order of the file. Weak undefined ones may stay unresolved: they are left out.
  std::vector<std::string_view> exported, undefined;
  std::vector<std::string_view> unversioned;  // of the undefined: no library is named for them
  std::size_t unique_count = 0;         // exported STB_GNU_UNIQUE: shared between plugins against their will
  std::vector<std::string> sanitizers;  // "asan", "ubsan", "tsan", "msan", "lsan": runtimes it was built for
};
SymbolTable symbol_table(const Elf& elf);

// The undefined symbols that need this version of this library.
std::vector<std::string_view> symbols_that_need(const Elf& elf, std::string_view library,
                                                std::string_view version);

}  // namespace flame::client
