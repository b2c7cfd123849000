// The two facts about an ELF file that name a place in it for others: its build id, the same in a stripped
// copy, and which virtual address a byte of the file has (what addr2line wants).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace flame::wire {

struct LoadedElf {
  struct Segment {
    std::uint64_t offset, size, address;
  };
  std::string build_id;  // hex; empty when there is none
  std::vector<Segment> segments;
  std::string sanitizer;  // the runtime that must be loaded first: "libasan.so.8"; empty: none is needed

  // The offset itself when no segment holds it.
  std::uint64_t address_of(std::uint64_t file_offset) const;
};

// Empty when fd is no 64-bit ELF file. Reads headers and notes only, and believes no number in them.
LoadedElf read_loaded_elf(int fd);

}  // namespace flame::wire
