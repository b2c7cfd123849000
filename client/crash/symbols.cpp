#include "client/crash/symbols.hpp"

#include <cxxabi.h>
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <fcntl.h>
#include <gelf.h>

#include <cstdlib>

#include "base/fd.hpp"
#include "wire/loaded_elf.hpp"

namespace flame::client {
namespace {

template <class T>
struct FreeDeleter {
  void operator()(T* memory) const { std::free(memory); }
};

std::string demangled(const char* name) {
  if (name == nullptr) return {};
  int status = 0;
  const std::unique_ptr<char, FreeDeleter<char>> text(abi::__cxa_demangle(name, nullptr, nullptr, &status));
  std::string out = status == 0 ? text.get() : name;
  // GCC's parts and specialised copies of a function; Rust's older names end in a hash: "::h" and 16 hex
  // digits.
  out.resize(std::min(out.find(" [clone"), out.size()));
  if (out.size() > 19 && out.compare(out.size() - 19, 3, "::h") == 0 &&
      out.find_first_not_of("0123456789abcdef", out.size() - 16) == std::string::npos)
    out.resize(out.size() - 19);
  return out;
}

// The linkage name tells a C++ function's namespace and parameters; DW_AT_name only its last word.
std::string name_of(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  for (const unsigned key :
       {static_cast<unsigned>(DW_AT_linkage_name), static_cast<unsigned>(DW_AT_MIPS_linkage_name)})
    if (dwarf_attr_integrate(&die, key, &attribute) != nullptr)
      return demangled(dwarf_formstring(&attribute));
  if (dwarf_attr_integrate(&die, DW_AT_name, &attribute) == nullptr) return {};
  const char* name = dwarf_formstring(&attribute);
  return name != nullptr ? name : "";
}

class ElfSymbols : public Symbols {
 public:
  ElfSymbols(UniqueFd fd, Elf* elf)
      : fd_(std::move(fd)), elf_(elf), build_id_(wire::read_loaded_elf(fd_.get()).build_id) {
    dwarf_ = dwarf_begin_elf(elf_, DWARF_C_READ, nullptr);
  }
  ~ElfSymbols() override {
    if (dwarf_ != nullptr) dwarf_end(dwarf_);
    elf_end(elf_);
  }
  ElfSymbols(const ElfSymbols&) = delete;
  ElfSymbols& operator=(const ElfSymbols&) = delete;

  const std::string& build_id() const override { return build_id_; }
  bool has_lines() const override {
    Dwarf_Off next = 0;
    std::size_t head = 0;
    return dwarf_ != nullptr && dwarf_nextcu(dwarf_, 0, &next, &head, nullptr, nullptr, nullptr) == 0;
  }

  std::vector<SourcePlace> find(std::uint64_t address) override {
    std::vector<SourcePlace> out;
    Dwarf_Die unit;
    if (find_unit(address, unit)) out = by_dwarf(unit, address);
    if (out.empty()) out.push_back({});
    // DWARF has no linkage name for a static C++ function: "price_of" where the symbol says
    // "shop::price_of(int)".
    std::string& function = out.back().function;
    if (function.find("::") == std::string::npos) {
      const std::string symbol = by_symbol_table(address);
      if (function.empty() || symbol.find("::" + function + "(") != std::string::npos) function = symbol;
    }
    if (out.back().function.empty() && out.back().file.empty()) out.clear();
    return out;
  }

 private:
  bool find_unit(std::uint64_t address, Dwarf_Die& unit) {
    if (dwarf_ == nullptr) return false;
    if (dwarf_addrdie(dwarf_, address, &unit) != nullptr) return true;
    // Not every compiler writes the table that the line above looks into.
    Dwarf_Off offset = 0, next = 0;
    std::size_t head = 0;
    for (; dwarf_nextcu(dwarf_, offset, &next, &head, nullptr, nullptr, nullptr) == 0; offset = next)
      if (dwarf_offdie(dwarf_, offset + head, &unit) != nullptr && dwarf_haspc(&unit, address) == 1)
        return true;
    return false;
  }

  static std::vector<SourcePlace> by_dwarf(Dwarf_Die& unit, std::uint64_t address) {
    std::vector<SourcePlace> out;
    SourcePlace at;
    if (Dwarf_Line* line = dwarf_getsrc_die(&unit, address)) {
      const char* file = dwarf_linesrc(line, nullptr, nullptr);
      if (file != nullptr) at.file = file;
      dwarf_lineno(line, &at.line);
    }
    // The first scope, then those that hold it: dwarf_getscopes alone follows an inlined function to where it
    // was written, not to where it was inlined.
    Dwarf_Die *inner = nullptr, *chain = nullptr;
    const int depth = dwarf_getscopes(&unit, address, &inner);
    const std::unique_ptr<Dwarf_Die, FreeDeleter<Dwarf_Die>> inner_owner(inner);
    const int count = depth > 0 ? dwarf_getscopes_die(inner, &chain) : 0;
    const std::unique_ptr<Dwarf_Die, FreeDeleter<Dwarf_Die>> chain_owner(chain);
    for (int i = 0; i < count; ++i) {
      Dwarf_Die& scope = chain[i];
      const int tag = dwarf_tag(&scope);
      if (tag != DW_TAG_subprogram && tag != DW_TAG_inlined_subroutine) continue;
      at.function = name_of(scope);
      out.push_back(at);
      if (tag == DW_TAG_subprogram) return out;
      at = call_site(unit, scope);
    }
    if (out.empty() && !at.file.empty()) out.push_back(at);
    return out;
  }

  static SourcePlace call_site(Dwarf_Die& unit, Dwarf_Die& inlined) {
    SourcePlace out;
    Dwarf_Attribute attribute;
    Dwarf_Word number = 0;
    if (dwarf_attr(&inlined, DW_AT_call_line, &attribute) != nullptr &&
        dwarf_formudata(&attribute, &number) == 0)
      out.line = static_cast<int>(number);
    Dwarf_Files* files = nullptr;
    std::size_t count = 0;
    if (dwarf_attr(&inlined, DW_AT_call_file, &attribute) != nullptr &&
        dwarf_formudata(&attribute, &number) == 0 && dwarf_getsrcfiles(&unit, &files, &count) == 0 &&
        number < count)
      if (const char* name = dwarf_filesrc(files, number, nullptr, nullptr)) out.file = name;
    return out;
  }

  std::string by_symbol_table(std::uint64_t address) {
    for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_, section)) != nullptr;) {
      GElf_Shdr head;
      if (gelf_getshdr(section, &head) == nullptr || head.sh_entsize == 0 ||
          (head.sh_type != SHT_SYMTAB && head.sh_type != SHT_DYNSYM))
        continue;
      Elf_Data* data = elf_getdata(section, nullptr);
      for (int i = 0; data != nullptr && i < static_cast<int>(head.sh_size / head.sh_entsize); ++i) {
        GElf_Sym symbol;
        if (gelf_getsym(data, i, &symbol) == nullptr || GELF_ST_TYPE(symbol.st_info) != STT_FUNC) continue;
        if (symbol.st_shndx == SHN_UNDEF || address < symbol.st_value) continue;
        if (address - symbol.st_value < std::max<std::uint64_t>(symbol.st_size, 1))
          return demangled(elf_strptr(elf_, head.sh_link, symbol.st_name));
      }
    }
    return {};
  }

  UniqueFd fd_;
  Elf* elf_;
  Dwarf* dwarf_ = nullptr;
  std::string build_id_;
};

}  // namespace

std::unique_ptr<Symbols> Symbols::open(const std::string& path) {
  elf_version(EV_CURRENT);
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return nullptr;
  Elf* elf = elf_begin(fd.get(), ELF_C_READ_MMAP, nullptr);
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF) {
    elf_end(elf);
    return nullptr;
  }
  return std::make_unique<ElfSymbols>(std::move(fd), elf);
}

}  // namespace flame::client
