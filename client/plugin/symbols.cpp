#include "client/plugin/symbols.hpp"

#include <cxxabi.h>

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
  return status == 0 && text ? std::string(text.get()) : mangled;
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

SymbolTable symbol_table(const Elf& elf) {
  SymbolTable out;
  elf.for_each_symbol([&](const ElfSymbol& one) {
    if (one.defined) out.exported.push_back(one.name);
    if (!one.defined && !one.weak) out.undefined.push_back(one.name);
    if (!one.defined && !one.weak && one.version <= 1) out.unversioned.push_back(one.name);
    if (one.defined && one.unique) ++out.unique_count;
    if (one.defined && one.name == "flame_plugin_v1") out.exports_entry = true;
  });
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

std::vector<std::string> sanitizers(const Elf& elf) {
  std::vector<std::string> out;
  bool seen[5] = {};
  static constexpr std::string_view marks[5] = {"__asan_", "__ubsan_", "__tsan_", "__msan_", "__lsan_"};
  static constexpr const char* names[5] = {"asan", "ubsan", "tsan", "msan", "lsan"};
  elf.for_each_symbol([&](const ElfSymbol& one) {
    for (std::size_t i = 0; i < 5; ++i) seen[i] = seen[i] || one.name.starts_with(marks[i]);
  });
  for (const std::string_view library : elf.needed)
    for (std::size_t i = 0; i < 5; ++i)
      seen[i] = seen[i] || library.starts_with("lib" + std::string(names[i]));
  for (std::size_t i = 0; i < 5; ++i)
    if (seen[i]) out.emplace_back(names[i]);
  return out;
}

}  // namespace flame::client
