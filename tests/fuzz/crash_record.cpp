#include "wire/crash_record.hpp"

#include "tests/fuzz/fuzz.hpp"
#include "wire/crash_report.hpp"

using namespace flame;

constexpr std::size_t kShownMaxBytes = 4 * 1024 + 3;  // 1024 bytes, each as \xNN, and an ellipsis

// A record as a dying worker leaves it, a 0xff, what it printed last.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all = fuzz::view(data, size);
  const std::size_t end = std::min(all.rfind('\xff'), all.size());
  const wire::CrashRecord record = wire::parse_crash_record(all.substr(0, end));
  fuzz::require(record.frames.size() <= wire::kCrashFrameMaxCount);
  for (const std::uint64_t frame : record.frames)
    if (const wire::Mapping* at = record.find(frame)) fuzz::require(frame >= at->start && frame < at->end);
  const auto said = wire::find_uncaught(all.substr(std::min(end + 1, all.size())));
  fuzz::require(said.type.size() <= kShownMaxBytes && said.what.size() <= kShownMaxBytes);
  return 0;
}
