// Runs a fuzz target over kept inputs, with no fuzzer: the corpus stays clean in every build.
#include <dirent.h>

#include <cstdio>
#include <memory>
#include <string>

#include "base/fd.hpp"
#include "tests/fuzz/fuzz.hpp"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::unique_ptr<DIR, int (*)(DIR*)> list(::opendir(argv[1]), ::closedir);
  if (!list) return 2;
  int count = 0;
  while (const dirent* one = ::readdir(list.get())) {
    if (one->d_name[0] == '.') continue;
    const std::string bytes = flame::read_file(std::string(argv[1]) + "/" + one->d_name, 64U << 20);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    ++count;
  }
  std::printf("%d inputs\n", count);
  return count > 0 ? 0 : 1;
}
