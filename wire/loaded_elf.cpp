#include "wire/loaded_elf.hpp"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "base/text.hpp"

namespace flame::wire {
namespace {

constexpr std::size_t kNotesMaxBytes = 64 * 1024;
constexpr std::size_t kIdMaxBytes = 64;
constexpr std::uint64_t kDynamicMaxCount = 4096;

template <class T>
bool read_at(int fd, std::uint64_t offset, T& out) {
  return ::pread(fd, &out, sizeof out, static_cast<off_t>(offset)) == sizeof out;
}

std::string find_in_notes(std::string_view notes, std::uint64_t align) {
  const auto padded = [&](std::uint64_t size) { return (size + align - 1) / align * align; };
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr head;
    std::memcpy(&head, notes.data(), sizeof head);
    notes.remove_prefix(sizeof head);
    const std::uint64_t name = padded(head.n_namesz), body = padded(head.n_descsz);
    if (name > notes.size() || head.n_descsz > notes.size() - name) return {};
    if (head.n_type == NT_GNU_BUILD_ID && notes.substr(0, head.n_namesz) == std::string_view("GNU", 4) &&
        head.n_descsz <= kIdMaxBytes)
      return hex(notes.substr(name, head.n_descsz));
    notes.remove_prefix(std::min<std::uint64_t>(name + body, notes.size()));
  }
  return {};
}

// DT_NEEDED names it. The dynamic section tells where the strings are by address, hence after the segments.
std::string find_sanitizer(int fd, const LoadedElf& elf, const Elf64_Phdr& dynamic) {
  std::vector<Elf64_Dyn> entries(
      std::min<std::uint64_t>(dynamic.p_filesz / sizeof(Elf64_Dyn), kDynamicMaxCount));
  const std::size_t bytes = entries.size() * sizeof(Elf64_Dyn);
  if (::pread(fd, entries.data(), bytes, static_cast<off_t>(dynamic.p_offset)) != static_cast<ssize_t>(bytes))
    return {};
  std::uint64_t strings = 0;
  for (const Elf64_Dyn& one : entries)
    if (one.d_tag == DT_STRTAB)
      for (const auto& segment : elf.segments)
        if (one.d_un.d_ptr >= segment.address && one.d_un.d_ptr - segment.address < segment.size)
          strings = one.d_un.d_ptr - segment.address + segment.offset;
  for (const Elf64_Dyn& one : entries) {
    if (one.d_tag != DT_NEEDED || strings == 0) continue;
    std::array<char, 64> name{};
    if (::pread(fd, name.data(), name.size() - 1, static_cast<off_t>(strings + one.d_un.d_val)) <= 0)
      continue;
    for (const std::string_view runtime : {"libasan.so", "libtsan.so", "libhwasan.so"})
      if (std::string_view(name.data()).starts_with(runtime)) return name.data();
  }
  return {};
}

}  // namespace

std::uint64_t LoadedElf::address_of(std::uint64_t file_offset) const {
  for (const Segment& one : segments)
    if (file_offset >= one.offset && file_offset - one.offset < one.size)
      return file_offset - one.offset + one.address;
  return file_offset;
}

LoadedElf read_loaded_elf(int fd) {
  LoadedElf out;
  Elf64_Ehdr head;
  if (!read_at(fd, 0, head) || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
      head.e_ident[EI_CLASS] != ELFCLASS64)
    return out;
  std::optional<Elf64_Phdr> dynamic;
  for (std::uint64_t i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!read_at(fd, head.e_phoff + i * sizeof segment, segment)) return out;
    if (segment.p_type == PT_LOAD)
      out.segments.push_back({segment.p_offset, segment.p_filesz, segment.p_vaddr});
    if (segment.p_type == PT_DYNAMIC) dynamic = segment;
    if (segment.p_type != PT_NOTE || segment.p_filesz > kNotesMaxBytes || !out.build_id.empty()) continue;
    std::string notes(segment.p_filesz, '\0');
    if (::pread(fd, notes.data(), notes.size(), static_cast<off_t>(segment.p_offset)) ==
        static_cast<ssize_t>(notes.size()))
      out.build_id = find_in_notes(notes, segment.p_align == 8 ? 8 : 4);
  }
  if (dynamic) out.sanitizer = find_sanitizer(fd, out, *dynamic);
  return out;
}

}  // namespace flame::wire
