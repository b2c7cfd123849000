#include "wire/crash_record.hpp"

#include <unistd.h>

#include <charconv>
#include <cstring>

namespace flame::wire {
namespace {

constexpr std::size_t kRecordMaxBytes =
    sizeof(CrashHead) + kCrashMapsMaxBytes + 1 + kCrashFrameMaxCount * sizeof(std::uint64_t);

// Takes a number and the separator behind it off the front; false when there is none.
bool take(std::string_view& text, int base, std::uint64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end == text.data() + text.size()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
  return true;
}

// "start-end perms offset dev inode     path"
bool parse_mapping(std::string_view line, Mapping& out) {
  if (!take(line, 16, out.start) || !take(line, 16, out.end) || line.size() < 5) return false;
  out.executable = line[2] == 'x';
  line.remove_prefix(5);
  if (!take(line, 16, out.offset)) return false;
  const std::size_t device_end = line.find(' ');
  if (device_end == std::string_view::npos) return false;
  line.remove_prefix(device_end + 1);
  if (!take(line, 10, out.inode)) return false;
  const std::size_t path = line.find_first_not_of(' ');
  if (path != std::string_view::npos) out.path = line.substr(path);
  return out.start < out.end;
}

}  // namespace

const Mapping* CrashRecord::find(std::uint64_t address) const {
  for (const Mapping& one : maps)
    if (address >= one.start && address < one.end) return &one;
  return nullptr;
}

CrashRecord parse_crash_record(std::string_view bytes) {
  CrashRecord out;
  if (bytes.size() < sizeof out.head) return out;
  std::memcpy(&out.head, bytes.data(), sizeof out.head);
  out.valid = out.head.magic == kCrashMagic;
  if (!out.valid) return out;
  bytes.remove_prefix(sizeof out.head);
  out.frames.push_back(out.head.pc);
  const std::size_t maps_end = std::min(bytes.find('\0'), bytes.size());
  std::string_view maps = bytes.substr(0, maps_end);
  bytes.remove_prefix(std::min(maps_end + 1, bytes.size()));
  while (!maps.empty()) {
    const std::size_t end = std::min(maps.find('\n'), maps.size());
    Mapping one;
    // A last line that was cut off would be a mapping with another path.
    if (end < maps.size() && parse_mapping(maps.substr(0, end), one)) out.maps.push_back(std::move(one));
    maps.remove_prefix(std::min(end + 1, maps.size()));
  }
  for (; bytes.size() >= 8 && out.frames.size() < kCrashFrameMaxCount; bytes.remove_prefix(8)) {
    std::uint64_t frame;
    std::memcpy(&frame, bytes.data(), 8);
    if (frame == 0) break;
    out.frames.push_back(frame);
  }
  return out;
}

CrashRecord read_crash_record(int fd) {
  std::string bytes(kRecordMaxBytes, '\0');
  const ssize_t n = ::pread(fd, bytes.data(), bytes.size(), 0);
  return parse_crash_record(std::string_view(bytes).substr(0, n > 0 ? static_cast<std::size_t>(n) : 0));
}

}  // namespace flame::wire
