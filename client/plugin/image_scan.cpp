#include "client/plugin/image_scan.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/plugin/elf.hpp"
#include "client/plugin/limits.hpp"
#include "client/plugin/needs.hpp"

namespace flame::client {
namespace {

constexpr std::uint32_t kAbi = 1;
constexpr std::size_t kConfigMaxBytes = 64 * 1024;

struct Found {
  std::uint16_t machine = 0;
  LibraryFacts facts;
};

class Scan {
 public:
  explicit Scan(const std::string& root) : root_(open_file(root, O_RDONLY | O_DIRECTORY)) {}

  std::map<std::string, Found, std::less<>> libraries;
  bool musl = false;

  void run() {
    for (const char* one :
         {"/lib", "/usr/lib", "/lib64", "/usr/lib64", "/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu",
          "/lib/aarch64-linux-gnu", "/usr/lib/aarch64-linux-gnu"})
      add_directory(one);
    read_config("/etc/ld.so.conf", 0);
  }

 private:
  // As if the root were "/": neither ".." nor an absolute link leads out of it.
  UniqueFd open_inside(const std::string& path, int flags) const {
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
    how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
    return UniqueFd(static_cast<int>(::syscall(SYS_openat2, root_.get(), path.c_str(), &how, sizeof how)));
  }

  void read_config(const std::string& path, int depth) {
    const UniqueFd fd = open_inside(path, O_RDONLY | O_NONBLOCK);
    if (!fd || depth > 4) return;
    std::string text;
    try {
      text = read_fd(fd.get(), kConfigMaxBytes);
    } catch (const Error&) {
      return;  // the loader would not get far with it either
    }
    for (std::size_t at = 0; at < text.size();) {
      std::size_t end = std::min(text.find('\n', at), text.size());
      std::string line = text.substr(at, end - at);
      at = end + 1;
      line.resize(std::min(line.find('#'), line.size()));
      line.erase(0, std::min(line.find_first_not_of(" \t"), line.size()));
      line.resize(line.find_last_not_of(" \t\r") + 1);
      if (line.starts_with("include ") || line.starts_with("include\t"))
        include(line.substr(line.find_first_not_of(" \t", 8)), depth);
      else if (line.starts_with("/"))
        add_directory(line);
    }
  }

  // The pattern that every distribution uses: DIR/*.conf.
  void include(std::string pattern, int depth) {
    if (!pattern.starts_with("/")) pattern = "/etc/" + pattern;
    const std::size_t slash = pattern.rfind('/');
    const std::string directory = pattern.substr(0, slash), name = pattern.substr(slash + 1);
    if (name.find('*') == std::string::npos) return read_config(pattern, depth + 1);
    for (const auto& one : names_in(directory))
      if (one.ends_with(".conf")) read_config(directory + "/" + one, depth + 1);
  }

  std::vector<std::string> names_in(const std::string& directory) const {
    std::vector<std::string> out;
    UniqueFd fd = open_inside(directory, O_RDONLY | O_DIRECTORY);
    if (!fd) return out;
    const std::unique_ptr<DIR, int (*)(DIR*)> list(::fdopendir(fd.get()), ::closedir);
    if (!list) return out;
    (void)fd.release();
    while (const dirent* one = ::readdir(list.get())) out.emplace_back(one->d_name);
    std::sort(out.begin(), out.end());
    return out;
  }

  void add_directory(const std::string& directory) {
    if (!seen_.insert(directory).second) return;
    for (const auto& name : names_in(directory)) {
      if (name.find(".so") == std::string::npos) continue;
      if (name.starts_with("ld-musl-") || name.starts_with("libc.musl-")) musl = true;
      if (libraries.size() < kClosureMaxCount && libraries.find(name) == libraries.end())
        add_library(directory + "/" + name, name);
    }
  }

  // Only under the name that the loader looks for: its soname, if it has one.
  void add_library(const std::string& path, const std::string& name) {
    const UniqueFd fd = open_inside(path, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
    try {
      FileSource source(fd.get(), static_cast<std::uint64_t>(status.st_size));
      const Elf elf = read_elf(source);
      if (elf.type != ET_DYN || (!elf.soname.empty() && elf.soname != name)) return;
      Found found;
      found.machine = elf.machine;
      for (const auto version : elf.version_definitions) found.facts.versions.emplace_back(version);
      for (const auto needed : elf.needed) found.facts.needed.emplace_back(needed);
      libraries.emplace(name, std::move(found));
    } catch (const Error&) {
      // A linker script, or damaged: no library for the loader either.
    }
  }

  UniqueFd root_;
  std::set<std::string> seen_;
};

std::string glibc_version(const LibraryFacts& libc) {
  const std::string newest = libc.newest_of("GLIBC_2.0");
  return newest.empty() ? newest : newest.substr(newest.find('_') + 1);
}

}  // namespace

// Each level by the features that its CPUs came with, and whether the kernel keeps their registers. Asked
// here and not by __builtin_cpu_supports, which asks at every start of the program: 20 us in a VM.
std::uint32_t own_isa_level() {
#if defined(__x86_64__)
  const auto all = [](unsigned in, unsigned bits) { return (in & bits) == bits; };
  unsigned a = 0, b = 0, c = 0, d = 0, kept_low = 0, kept_high = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || !all(c, bit_SSE4_2 | bit_POPCNT)) return 1;
  if (!all(c, bit_FMA | bit_OSXSAVE)) return 2;
  __asm__("xgetbv" : "=a"(kept_low), "=d"(kept_high) : "c"(0));
  constexpr unsigned kAvxKept = 0x6, kAvx512Kept = 0xe6;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || !all(kept_low, kAvxKept) ||
      !all(b, bit_AVX2 | bit_BMI2))
    return 2;
  constexpr unsigned kV4 = bit_AVX512F | bit_AVX512BW | bit_AVX512CD | bit_AVX512DQ | bit_AVX512VL;
  return all(kept_low, kAvx512Kept) && all(b, kV4) ? 4 : 3;
#else
  return 0;
#endif
}

ImageFacts scan_image(const std::string& root) {
  Scan scan(root);
  scan.run();
  const auto libc = scan.libraries.find("libc.so.6");
  const std::uint16_t machine = libc != scan.libraries.end() ? libc->second.machine : own_machine();
  ImageFacts out;
  out.source = "the image at " + root;
  out.machine = machine_word(machine);
  if (machine == own_machine()) out.isa_level = own_isa_level();
  out.abi = kAbi;
  out.complete = true;
  for (auto& [name, found] : scan.libraries)
    if (found.machine == machine) out.libraries.emplace(name, std::move(found.facts));
  if (const LibraryFacts* glibc = out.find("libc.so.6"); glibc != nullptr) {
    out.libc = "glibc";
    out.libc_version = glibc_version(*glibc);
  } else if (scan.musl) {
    out.libc = "musl";
  }
  return out;
}

}  // namespace flame::client
