#include "scratch.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"

namespace flame::fly {
namespace {

constexpr std::string_view kPrefix = "flame-fly-";

std::string temporary_directory() {
  const char* named = std::getenv("TMPDIR");
  return named != nullptr && named[0] == '/' ? named : "/tmp";
}

// Only ours, and only when nobody holds its lock.
void sweep(const std::string& where) {
  std::error_code failed;
  for (const auto& entry : std::filesystem::directory_iterator(where, failed)) {
    if (!entry.path().filename().string().starts_with(kPrefix)) continue;
    struct stat facts {};
    if (::lstat(entry.path().c_str(), &facts) != 0 || facts.st_uid != ::geteuid() || !S_ISDIR(facts.st_mode))
      continue;
    const UniqueFd lock(::open((entry.path() / "lock").c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) continue;
    std::filesystem::remove_all(entry.path(), failed);
  }
}

}  // namespace

Scratch::Scratch() {
  const std::string where = temporary_directory();
  sweep(where);
  path_ = where + "/" + std::string(kPrefix) + "XXXXXX";
  if (::mkdtemp(path_.data()) == nullptr) throw system_error("cannot make a directory in " + where, errno);
  ::chmod(path_.c_str(), 0755);  // a machine's root may run as another user
  lock_ = open_file(path_ + "/lock", O_RDWR | O_CREAT, 0600);
  ::flock(lock_.get(), LOCK_EX | LOCK_NB);
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace flame::fly
