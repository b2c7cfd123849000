#include "client/plugin/symbols.hpp"

#include <cxxabi.h>

#include <array>
#include <csetjmp>
#include <cstdlib>
#include <memory>

#include "client/plugin/limits.hpp"

// libsupc++'s demangler with a callback, for abi::__cxa_demangle has no bound on what it allocates and a
// short name can stand for gigabytes. Only the static library has it: weak, so that a dynamic build links
// too.
extern "C" __attribute__((weak)) int __gcclibcxx_demangle_callback(const char* mangled,
                                                                   void (*take)(const char*, size_t, void*),
                                                                   void* opaque);

namespace flame::client {
namespace {

struct Demangled {
  std::string text;
  std::jmp_buf too_long;
};

void take_piece(const char* piece, std::size_t size, void* opaque) {
  auto& out = *static_cast<Demangled*>(opaque);
  // The demangler keeps all that it has on its stack, so leaving it like this loses nothing.
  if (out.text.size() + size > kDemangledMaxBytes) std::longjmp(out.too_long, 1);
  out.text.append(piece, size);
}

// For dynamic builds: names so short that they cannot stand for much.
std::string demangle_short(const std::string& mangled) {
  constexpr std::size_t kShortBytes = 128;
  if (mangled.size() > kShortBytes) return mangled;
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  const std::string_view whole = status == 0 && text ? text.get() : "";
  return whole.empty() || whole.size() > kDemangledMaxBytes ? mangled : std::string(whole);
}

}  // namespace

std::string demangle(std::string_view name) {
  const std::string mangled(name);
  if (!name.starts_with("_Z") || name.size() > kDemangledMaxBytes) return mangled;
  if (__gcclibcxx_demangle_callback == nullptr) return demangle_short(mangled);
  Demangled out;
  out.text.reserve(kDemangledMaxBytes);
  if (setjmp(out.too_long) != 0) return mangled;
  if (__gcclibcxx_demangle_callback(mangled.c_str(), take_piece, &out) != 0) return mangled;
  return out.text;
}

namespace {

struct Sanitizer {
  const char* name;
  std::string_view symbols, library;
};
constexpr std::array<Sanitizer, 5> kSanitizers = {{{"asan", "__asan_", "libasan"},
                                                   {"ubsan", "__ubsan_", "libubsan"},
                                                   {"tsan", "__tsan_", "libtsan"},
                                                   {"msan", "__msan_", "libmsan"},
                                                   {"lsan", "__lsan_", "liblsan"}}};

}  // namespace

SymbolTable symbol_table(const Elf& elf) {
  SymbolTable out;
  std::array<bool, kSanitizers.size()> seen{};
  elf.for_each_symbol([&](const ElfSymbol& one) {
    if (one.name.starts_with("__"))
      for (std::size_t i = 0; i < seen.size(); ++i)
        seen[i] = seen[i] || one.name.starts_with(kSanitizers[i].symbols);
    if (one.defined) {
      out.exported.push_back(one.name);
      out.unique_count += one.unique ? 1 : 0;
    } else if (!one.weak) {
      out.undefined.push_back(one.name);
      if (one.version <= 1) out.unversioned.push_back(one.name);
    }
  });
  for (std::size_t i = 0; i < seen.size(); ++i) {
    for (const std::string_view library : elf.needed)
      seen[i] = seen[i] || library.starts_with(kSanitizers[i].library);
    if (seen[i]) out.sanitizers.emplace_back(kSanitizers[i].name);
  }
  return out;
}

std::vector<std::string_view> symbols_that_need(const Elf& elf, std::string_view library,
                                                std::string_view version) {
  std::vector<std::string_view> out;
  for (const ElfVersionNeed& need : elf.version_needs) {
    if (need.library != library || need.version != version) continue;
    elf.for_each_symbol([&](const ElfSymbol& one) {
      if (!one.defined && one.version == need.index) out.push_back(one.name);
    });
  }
  return out;
}

}  // namespace flame::client
