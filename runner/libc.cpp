#include "runner/libc.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <string_view>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::runner {
namespace {

// glibc holds its banner as text: "GNU C Library (…) stable release version 2.36."
std::string version_in(std::string_view library) {
  const std::size_t banner = library.find("GNU C Library (");
  if (banner == std::string_view::npos) return "";
  constexpr std::string_view before = " version ";
  const std::string_view text = library.substr(banner, 200);
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return "";
  const std::string_view rest = text.substr(at + before.size());
  std::string_view version = rest.substr(0, rest.find_first_not_of("0123456789."));
  while (version.ends_with('.')) version.remove_suffix(1);
  return std::string(version);
}

std::string version_of(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || status.st_size <= 0) return "";
  const auto size = static_cast<std::size_t>(status.st_size);
  void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
  if (memory == MAP_FAILED) return "";
  std::string version = version_in({static_cast<const char*>(memory), size});
  ::munmap(memory, size);
  return version;
}

}  // namespace

std::string machine_libc_version() {
#ifdef __x86_64__
  constexpr const char* triple = "x86_64-linux-gnu";
#else
  constexpr const char* triple = "aarch64-linux-gnu";
#endif
  for (const std::string& directory :
       {std::string("/lib/") + triple, std::string("/usr/lib/") + triple, std::string("/lib64"),
        std::string("/usr/lib64"), std::string("/lib"), std::string("/usr/lib")}) {
    try {
      if (std::string version = version_of(directory + "/libc.so.6"); !version.empty()) return version;
    } catch (const Error&) {  // not there: look further
    }
  }
  return "";
}

}  // namespace flame::runner
