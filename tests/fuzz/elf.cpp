#include "client/plugin/elf.hpp"

#include "client/plugin/needs.hpp"
#include "client/plugin/symbols.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::answered([&] {
    client::MemorySource source(fuzz::view(data, size));
    const client::Elf elf = client::read_elf(source);
    (void)client::needs_of(elf, 1);
    const client::SymbolTable table = client::symbol_table(elf);
    for (std::size_t i = 0; i < table.exported.size() && i < 64; ++i)
      (void)client::demangle(table.exported[i]);
    for (const auto& need : elf.version_needs) (void)client::compare_versions(need.version, "GLIBC_2.34");
    for (const auto& need : elf.version_needs) {
      (void)client::symbols_that_need(elf, need.library, need.version);
      break;
    }
  });
  return 0;
}
