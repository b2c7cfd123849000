#include "client/plugin/elf.hpp"

#include <elf.h>

#include "base/error.hpp"
#include "client/plugin/elf_parts.hpp"
#include "client/plugin/limits.hpp"

namespace flame::client {
namespace {

void read_segments(ByteSource& source, const Elf64_Ehdr& head, Elf& elf) {
  // Without its header the ABI's default counts.
  elf.executable_stack = head.e_machine == EM_X86_64;
  if (head.e_phnum == 0) return;
  if (head.e_phentsize != sizeof(Elf64_Phdr)) throw elf_damage("its program headers have a wrong size");
  if (head.e_phnum > kElfSegmentMaxCount)
    throw elf_damage("it has " + std::to_string(head.e_phnum) + " segments");
  const std::string_view table = source.at(head.e_phoff, head.e_phnum * sizeof(Elf64_Phdr));
  for (std::size_t i = 0; i < head.e_phnum; ++i) {
    const auto one = object_at<Elf64_Phdr>(table, i * sizeof(Elf64_Phdr));
    if (one.p_type == PT_LOAD &&
        (one.p_offset > source.size() || one.p_filesz > source.size() - one.p_offset))
      throw elf_damage("it is truncated");
    elf.segments.push_back({one.p_type, one.p_flags, one.p_offset, one.p_vaddr, one.p_filesz, one.p_memsz});
    if (one.p_type == PT_GNU_STACK) elf.executable_stack = (one.p_flags & PF_X) != 0;
    if (one.p_type == PT_INTERP && one.p_filesz <= kElfNameMaxBytes)
      elf.interpreter = text_at(source.at(one.p_offset, one.p_filesz), 0);
  }
}

void read_sections(ByteSource& source, const Elf64_Ehdr& head, Elf& elf) {
  if (head.e_shoff == 0) return;
  if (head.e_shentsize != sizeof(Elf64_Shdr)) throw elf_damage("its section headers have a wrong size");
  // The first header holds the numbers that do not fit in 16 bits.
  const auto first = object_at<Elf64_Shdr>(source.at(head.e_shoff, sizeof(Elf64_Shdr)), 0);
  const std::uint64_t count = head.e_shnum != 0 ? head.e_shnum : first.sh_size;
  const std::uint64_t names_index = head.e_shstrndx == SHN_XINDEX ? first.sh_link : head.e_shstrndx;
  if (count > kElfSectionMaxCount) throw elf_damage("it has " + std::to_string(count) + " sections");
  if (names_index >= count) return;
  const std::string_view table = source.at(head.e_shoff, count * sizeof(Elf64_Shdr));
  const auto names_header = object_at<Elf64_Shdr>(table, names_index * sizeof(Elf64_Shdr));
  if (names_header.sh_type == SHT_NOBITS) throw elf_damage("its section names are damaged");
  const std::string_view names = source.at(names_header.sh_offset, names_header.sh_size);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto one = object_at<Elf64_Shdr>(table, i * sizeof(Elf64_Shdr));
    if (one.sh_name >= names.size() && one.sh_type != SHT_NULL)
      throw elf_damage("its section names are damaged");
    elf.sections.push_back(
        {text_at(names, one.sh_name), one.sh_type, one.sh_flags, one.sh_offset, one.sh_size});
  }
}

// Notes: name size, description size, type, name, description, each padded.
void read_notes(std::string_view notes, Elf& elf) {
  const auto padded = [](std::uint64_t n) { return (n + 3) & ~std::uint64_t{3}; };
  for (std::uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
    const auto note = object_at<Elf64_Nhdr>(notes, at);
    const std::uint64_t name_at = at + sizeof note;
    const std::uint64_t body_at = name_at + padded(note.n_namesz);
    if (body_at + note.n_descsz > notes.size()) return;
    const std::string_view body = notes.substr(body_at, note.n_descsz);
    const bool gnu = note.n_namesz == 4 && notes.substr(name_at, 4) == std::string_view("GNU\0", 4);
    if (gnu && note.n_type == NT_GNU_BUILD_ID && body.size() <= 64) elf.build_id = body;
    if (gnu && note.n_type == NT_GNU_PROPERTY_TYPE_0) elf.isa_needed = isa_needed(body);
    // Property notes are padded to 8 bytes; a following header begins there.
    const std::uint64_t align = gnu && note.n_type == NT_GNU_PROPERTY_TYPE_0 ? 8 : 4;
    at = (body_at + note.n_descsz + align - 1) & ~(align - 1);
  }
}

}  // namespace

const ElfSection* Elf::section(std::string_view name) const {
  for (const ElfSection& one : sections)
    if (one.name == name) return &one;
  return nullptr;
}

Elf read_elf(ByteSource& source) {
  if (source.size() == 0) throw elf_damage("it is empty");
  const std::string_view start = source.at(0, std::min<std::uint64_t>(source.size(), EI_NIDENT));
  if (start.substr(0, SELFMAG) != std::string_view(ELFMAG, SELFMAG).substr(0, start.size()) ||
      start.size() < SELFMAG)
    throw Error(ErrorKind::plugin_unloadable, "it is not an ELF file",
                "a plugin is a shared object: gcc -shared -fPIC …");
  Elf elf;
  if (start.size() < EI_NIDENT) throw elf_damage("it is truncated");
  elf.is_64 = start[EI_CLASS] == ELFCLASS64;
  elf.little_endian = start[EI_DATA] == ELFDATA2LSB;
  const auto kinds = source.at(EI_NIDENT, 4);
  const auto half = [&](std::size_t at) {
    const auto a = static_cast<unsigned char>(kinds[at]), b = static_cast<unsigned char>(kinds[at + 1]);
    return static_cast<std::uint16_t>(elf.little_endian ? b << 8 | a : a << 8 | b);
  };
  elf.type = half(0);
  elf.machine = half(2);
  if (!elf.is_64 || !elf.little_endian) return elf;
  const auto head = object_at<Elf64_Ehdr>(source.at(0, sizeof(Elf64_Ehdr)), 0);
  read_segments(source, head, elf);
  read_sections(source, head, elf);
  for (const ElfSegment& one : elf.segments)
    if (one.type == PT_NOTE) read_notes(source.at(one.offset, one.file_bytes), elf);
  read_dynamic(source, elf);
  return elf;
}

std::string machine_name(std::uint16_t machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "arm64";
    case EM_386:
      return "x86 (32-bit)";
    case EM_ARM:
      return "arm (32-bit)";
    case EM_RISCV:
      return "RISC-V";
    case EM_PPC64:
      return "POWER";
    case EM_S390:
      return "s390x";
    default:
      return "machine " + std::to_string(machine);
  }
}

std::uint16_t own_machine() {
#if defined(__x86_64__)
  return EM_X86_64;
#else
  return EM_AARCH64;
#endif
}

}  // namespace flame::client
