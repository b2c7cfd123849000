// Which bytes a file had when it was looked at, as far as that can be told without reading them.
#pragma once
#include <sys/stat.h>

#include <cstdint>

namespace flame::client {

struct FileKey {
  std::uint64_t device = 0, inode = 0, bytes = 0;
  std::int64_t modified_ns = 0, changed_ns = 0;

  bool operator==(const FileKey&) const = default;
  static FileKey of(const struct stat& status) {
    const auto ns = [](const timespec& t) { return t.tv_sec * 1'000'000'000 + t.tv_nsec; };
    return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), ns(status.st_mtim),
            ns(status.st_ctim)};
  }
};

}  // namespace flame::client
