#include <elf.h>

#include <algorithm>
#include <map>

#include "base/error.hpp"
#include "client/plugin/elf_parts.hpp"
#include "client/plugin/limits.hpp"

namespace flame::client {

Error elf_damage(std::string why) { return Error(ErrorKind::plugin_unloadable, std::move(why)); }

void throw_out_of_table() { throw elf_damage("it is damaged: a table ends too early"); }

std::string_view text_at(std::string_view strings, std::uint64_t offset) {
  if (offset >= strings.size()) return {};
  const std::string_view rest = strings.substr(offset, kElfNameMaxBytes + 1);
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos) throw elf_damage("it is damaged: a name has no end");
  return rest.substr(0, end);
}

std::uint32_t isa_needed(std::string_view properties) {
  constexpr std::uint32_t kIsaNeeded = 0xc0008002;  // GNU_PROPERTY_X86_ISA_1_NEEDED of the x86-64 psABI
  for (std::uint64_t at = 0; at + 8 <= properties.size();) {
    const auto type = object_at<std::uint32_t>(properties, at);
    const auto bytes = object_at<std::uint32_t>(properties, at + 4);
    if (bytes > properties.size() - at - 8) return 0;
    if (type == kIsaNeeded && bytes == 4) return object_at<std::uint32_t>(properties, at + 8);
    at += 8 + ((std::uint64_t{bytes} + 7) & ~std::uint64_t{7});
  }
  return 0;
}

namespace {

using Tags = std::map<std::int64_t, std::uint64_t>;

class Dynamic {
 public:
  Dynamic(ByteSource& source, Elf& elf) : source_(source), elf_(elf) {}

  void read(const ElfSegment& segment) {
    elf_.has_dynamic = true;
    std::vector<std::uint64_t> needed;
    const std::string_view table = source_.at(segment.offset, segment.file_bytes);
    const std::size_t count = std::min(table.size() / sizeof(Elf64_Dyn), kElfDynamicMaxCount);
    for (std::size_t i = 0; i < count; ++i) {
      const auto entry = object_at<Elf64_Dyn>(table, i * sizeof(Elf64_Dyn));
      if (entry.d_tag == DT_NULL) break;
      if (entry.d_tag == DT_NEEDED) {
        needed.push_back(entry.d_un.d_val);
        if (needed.size() > kElfNeededMaxCount)
          throw elf_damage("it needs more than " + std::to_string(kElfNeededMaxCount) + " libraries");
      } else {
        tags_[entry.d_tag] = entry.d_un.d_val;
      }
    }
    if (has(DT_STRTAB)) elf_.strings = at_address(tags_[DT_STRTAB], tags_[DT_STRSZ]);
    for (const std::uint64_t at : needed) elf_.needed.push_back(name(at));
    if (has(DT_SONAME)) elf_.soname = name(tags_[DT_SONAME]);
    if (has(DT_RPATH)) elf_.rpath = name(tags_[DT_RPATH]);
    if (has(DT_RUNPATH)) elf_.runpath = name(tags_[DT_RUNPATH]);
    elf_.text_relocations = has(DT_TEXTREL) || (has(DT_FLAGS) && (tags_[DT_FLAGS] & DF_TEXTREL) != 0);
    read_version_needs();
    read_version_definitions();
    read_symbols();
  }

 private:
  bool has(std::int64_t tag) const { return tags_.count(tag) != 0; }

  std::string_view name(std::uint64_t offset) const {
    if (offset >= elf_.strings.size()) throw elf_damage("it is damaged: a name lies outside of its strings");
    return text_at(elf_.strings, offset);
  }

  // Where the bytes of an address lie in the file: [offset, bytes that the segment still has there].
  std::pair<std::uint64_t, std::uint64_t> place(std::uint64_t address) const {
    for (const ElfSegment& one : elf_.segments)
      if (one.type == PT_LOAD && address >= one.address && address - one.address < one.file_bytes)
        return {one.offset + (address - one.address), one.file_bytes - (address - one.address)};
    throw elf_damage("it is damaged: a table lies outside of its segments");
  }
  std::string_view at_address(std::uint64_t address, std::uint64_t bytes) {
    const auto [offset, left] = place(address);
    if (bytes > left) throw elf_damage("it is damaged: a table is longer than its segment");
    return source_.at(offset, bytes);
  }

  void read_version_needs() {
    if (!has(DT_VERNEED)) return;
    std::uint64_t at = tags_[DT_VERNEED];
    for (std::uint64_t file = 0; file < std::min<std::uint64_t>(tags_[DT_VERNEEDNUM], kElfNeededMaxCount);
         ++file) {
      const auto need = object_at<Elf64_Verneed>(at_address(at, sizeof(Elf64_Verneed)), 0);
      const std::string_view library = name(need.vn_file);
      std::uint64_t version_at = at + need.vn_aux;
      for (unsigned i = 0; i < need.vn_cnt; ++i) {
        const auto one = object_at<Elf64_Vernaux>(at_address(version_at, sizeof(Elf64_Vernaux)), 0);
        if (elf_.version_needs.size() >= kElfVersionMaxCount) throw elf_damage("it needs too many versions");
        elf_.version_needs.push_back({library, name(one.vna_name),
                                      static_cast<std::uint16_t>(one.vna_other & 0x7fff),
                                      (one.vna_flags & VER_FLG_WEAK) != 0});
        if (one.vna_next == 0) break;
        version_at += one.vna_next;
      }
      if (need.vn_next == 0) break;
      at += need.vn_next;
    }
  }

  void read_version_definitions() {
    if (!has(DT_VERDEF)) return;
    std::uint64_t at = tags_[DT_VERDEF];
    for (std::uint64_t i = 0; i < tags_[DT_VERDEFNUM]; ++i) {
      const auto one = object_at<Elf64_Verdef>(at_address(at, sizeof(Elf64_Verdef)), 0);
      if (i >= kElfVersionMaxCount) throw elf_damage("it defines too many versions");
      if (one.vd_cnt > 0 && (one.vd_flags & VER_FLG_BASE) == 0) {
        const auto aux = object_at<Elf64_Verdaux>(at_address(at + one.vd_aux, sizeof(Elf64_Verdaux)), 0);
        elf_.version_definitions.push_back(name(aux.vda_name));
      }
      if (one.vd_next == 0) break;
      at += one.vd_next;
    }
  }

  void read_symbols() {
    if (!has(DT_SYMTAB)) return;
    const std::uint64_t count = symbol_count();
    elf_.symbols = at_address(tags_[DT_SYMTAB], count * sizeof(Elf64_Sym));
    if (has(DT_VERSYM)) elf_.symbol_versions = at_address(tags_[DT_VERSYM], count * sizeof(Elf64_Half));
  }

  // The loader never needs the number of symbols, so that the file does not say it; its hash tables do.
  std::uint64_t symbol_count() {
    if (has(DT_HASH)) return object_at<std::uint32_t>(at_address(tags_[DT_HASH], 8), 4);
    if (has(DT_GNU_HASH)) return gnu_hash_count(tags_[DT_GNU_HASH]);
    for (const ElfSection& one : elf_.sections)
      if (one.type == SHT_DYNSYM) return one.bytes / sizeof(Elf64_Sym);
    return 0;
  }

  // The last chain's end: buckets name each chain's first symbol, the last of a chain has the lowest bit set.
  std::uint64_t gnu_hash_count(std::uint64_t address) {
    const std::string_view head = at_address(address, 16);
    const std::uint64_t bucket_count = object_at<std::uint32_t>(head, 0);
    const std::uint64_t first = object_at<std::uint32_t>(head, 4);
    const std::uint64_t bloom_words = object_at<std::uint32_t>(head, 8);
    const std::uint64_t buckets_at = address + 16 + bloom_words * 8;
    const std::string_view buckets = at_address(buckets_at, bucket_count * 4);
    std::uint64_t last = 0;
    for (std::uint64_t i = 0; i < bucket_count; ++i)
      last = std::max<std::uint64_t>(last, object_at<std::uint32_t>(buckets, i * 4));
    if (last < first) return first;
    const std::uint64_t chain_at = buckets_at + bucket_count * 4 + (last - first) * 4;
    const auto [offset, left] = place(chain_at);
    constexpr std::uint64_t kStep = 4096;
    for (std::uint64_t from = 0; from + 4 <= left; from += kStep) {
      const std::string_view words =
          source_.at(offset + from, std::min<std::uint64_t>(kStep, (left - from) & ~3ULL));
      for (std::uint64_t i = 0; i + 4 <= words.size(); i += 4)
        if ((object_at<std::uint32_t>(words, i) & 1U) != 0) return last + (from + i) / 4 + 1;
    }
    throw elf_damage("it is damaged: its hash table has no end");
  }

  ByteSource& source_;
  Elf& elf_;
  Tags tags_;
};

}  // namespace

void read_dynamic(ByteSource& source, Elf& elf) {
  for (const ElfSegment& one : elf.segments)
    if (one.type == PT_DYNAMIC) return Dynamic(source, elf).read(one);
}

void Elf::for_each_symbol(const std::function<void(const ElfSymbol&)>& take) const {
  for (std::size_t at = 0, i = 0; at + sizeof(Elf64_Sym) <= symbols.size(); at += sizeof(Elf64_Sym), ++i) {
    const auto raw = object_at<Elf64_Sym>(symbols, at);
    if (raw.st_name == 0) continue;
    ElfSymbol one;
    one.name = text_at(strings, raw.st_name);
    const unsigned bind = ELF64_ST_BIND(raw.st_info), kind = ELF64_ST_TYPE(raw.st_info);
    if (raw.st_shndx == SHN_ABS) continue;  // the names of versions
    if (bind == STB_LOCAL || kind == STT_SECTION || kind == STT_FILE) continue;
    one.defined = raw.st_shndx != SHN_UNDEF;
    one.weak = bind == STB_WEAK;
    one.unique = bind == STB_GNU_UNIQUE;
    one.function = kind == STT_FUNC || kind == STT_GNU_IFUNC;
    if (!symbol_versions.empty())
      one.version = object_at<std::uint16_t>(symbol_versions, i * sizeof(std::uint16_t)) & 0x7fff;
    take(one);
  }
}

}  // namespace flame::client
