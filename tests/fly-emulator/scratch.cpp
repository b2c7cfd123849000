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
  // Another that sweeps may find the lock before we hold it, and take the directory for a dead one's.
  for (;;) {
    path_ = where + "/" + std::string(kPrefix) + "XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) throw system_error("cannot make a directory in " + where, errno);
    ::chmod(path_.c_str(), 0755);  // a machine's root may run as another user
    const std::string lock = path_ + "/lock";
    lock_ = UniqueFd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!lock_ && errno != ENOENT) throw system_error("cannot make '" + lock + "'", errno);
    if (lock_ && ::flock(lock_.get(), LOCK_EX | LOCK_NB) == 0 && ::access(lock.c_str(), F_OK) == 0) return;
  }
}

Scratch::~Scratch() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace flame::fly
