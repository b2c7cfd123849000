#include "base/fd.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/error.hpp"

namespace flame {

void UniqueFd::reset() noexcept {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

UniqueFd open_file(const std::string& path, int flags, unsigned mode) {
  int fd;
  do fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) throw system_error("cannot open '" + path + "'", errno);
  return UniqueFd(fd);
}

bool write_all(int fd, const void* data, std::size_t size) noexcept {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t n = ::write(fd, at, size);
    if (n < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    at += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

std::ptrdiff_t read_full(int fd, void* data, std::size_t size) noexcept {
  char* at = static_cast<char*>(data);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd, at + done, size - done);
    if (n == 0) break;
    if (n < 0) {
      if (errno == EINTR) continue;
      return -1;
    }
    done += static_cast<std::size_t>(n);
  }
  return static_cast<std::ptrdiff_t>(done);
}

std::string read_fd(int fd, std::size_t limit_bytes) {
  std::string out;
  for (;;) {
    const std::size_t had = out.size();
    // One byte more than allowed is asked for, so that "too long" shows.
    const std::size_t step = std::min<std::size_t>(64 * 1024, limit_bytes + 1 - had);
    out.resize(had + step);
    const std::ptrdiff_t n = read_full(fd, out.data() + had, step);
    if (n < 0) throw system_error("cannot read", errno);
    out.resize(had + static_cast<std::size_t>(n));
    if (out.size() > limit_bytes)
      throw Error(ErrorKind::limit, "longer than " + std::to_string(limit_bytes) + " bytes");
    if (static_cast<std::size_t>(n) < step) return out;
  }
}

std::string read_file(const std::string& path, std::size_t limit_bytes) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_NOCTTY);
  try {
    return read_fd(fd.get(), limit_bytes);
  } catch (Error& error) {
    error.message = "'" + path + "': " + error.message;
    throw;
  }
}

void write_file_atomic(const std::string& path, std::string_view content, unsigned mode) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) throw system_error("cannot create a file beside '" + path + "'", errno);
  const bool good = ::fchmod(fd.get(), mode) == 0 && write_all(fd.get(), content) &&
                    ::rename(temporary.c_str(), path.c_str()) == 0;
  if (good) return;
  const int why = errno;
  ::unlink(temporary.c_str());
  throw system_error("cannot write '" + path + "'", why);
}

void set_nonblocking(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFL);
  const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (flags < 0 || (wanted != flags && ::fcntl(fd, F_SETFL, wanted) != 0))
    throw system_error("cannot set O_NONBLOCK", errno);
}

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(directory.c_str()), ::closedir);
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr) out.emplace_back(entry->d_name);
  return out;
}

}  // namespace flame
