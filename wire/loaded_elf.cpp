#include "wire/loaded_elf.hpp"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/text.hpp"

namespace flame::wire {
namespace {

constexpr std::size_t kNotesMaxBytes = 64 * 1024;
constexpr std::size_t kIdMaxBytes = 64;

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
  for (std::uint64_t i = 0; i < head.e_phnum; ++i) {
    Elf64_Phdr segment;
    if (!read_at(fd, head.e_phoff + i * sizeof segment, segment)) return out;
    if (segment.p_type == PT_LOAD)
      out.segments.push_back({segment.p_offset, segment.p_filesz, segment.p_vaddr});
    if (segment.p_type != PT_NOTE || segment.p_filesz > kNotesMaxBytes || !out.build_id.empty()) continue;
    std::string notes(segment.p_filesz, '\0');
    if (::pread(fd, notes.data(), notes.size(), static_cast<off_t>(segment.p_offset)) ==
        static_cast<ssize_t>(notes.size()))
      out.build_id = find_in_notes(notes, segment.p_align == 8 ? 8 : 4);
  }
  return out;
}

}  // namespace flame::wire
