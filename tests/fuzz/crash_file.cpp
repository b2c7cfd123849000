#include "client/crash/crash_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const UniqueFd file(::memfd_create("crash", MFD_CLOEXEC));
  if (!write_all(file.get(), data, size)) return 0;
  fuzz::answered([&] {
    const client::CrashFile crash = client::CrashFile::read("/proc/self/fd/" + std::to_string(file.get()));
    std::size_t sources = crash.input != nullptr ? 1 : 0;
    for (const auto& argument : crash.arguments) sources += argument.source != nullptr ? 1 : 0;
    fuzz::require(sources == crash.sources.size());
  });
  return 0;
}
