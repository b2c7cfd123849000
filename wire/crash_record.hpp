// What a dying worker leaves behind: written by its signal handler, read when it is gone. The head goes
// first, then /proc/self/maps, a NUL, then one u64 for each frame as it is found: when writing one part kills
// the handler, the parts before it are there. The plugin shares the worker's memory and can scribble here:
// the reader believes no length and no number.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace flame::wire {

inline constexpr std::uint32_t kCrashMagic = 0x686372c5;
inline constexpr std::size_t kCrashMapsMaxBytes = 256 * 1024;
inline constexpr std::size_t kCrashFrameMaxCount = 64;
inline constexpr std::size_t kCrashTailMaxBytes = 4096;  // of the worker's stderr, for the report

enum class CrashAccess : std::uint32_t { unknown, read, write, execute };

struct CrashHead {
  std::uint32_t magic;
  std::int32_t signal, code;  // as in siginfo_t
  std::int32_t sender;        // pid that sent it, or 0; own_pid: it was raised by the worker itself
  std::int32_t own_pid;
  CrashAccess access;
  std::uint64_t address, pc, sp;
};
static_assert(sizeof(CrashHead) == 48);

struct Mapping {
  std::uint64_t start = 0, end = 0, offset = 0, inode = 0;
  bool executable = false;
  std::string path;
};

struct CrashRecord {
  bool valid = false;  // there is a head
  CrashHead head{};
  std::vector<Mapping> maps;
  std::vector<std::uint64_t> frames;  // pc first, then call sites, outward

  const Mapping* find(std::uint64_t address) const;
};

CrashRecord parse_crash_record(std::string_view bytes);
// From a descriptor, at most what a record may hold.
CrashRecord read_crash_record(int fd);

}  // namespace flame::wire
