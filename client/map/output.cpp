#include "client/map/output.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"

namespace flame::client {
namespace {
constexpr std::size_t kAtomicBytes = 4096;  // what poll promises of a pipe or a terminal
}

Output::Output(int fd) : fd_(fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) throw system_error("cannot write to stdout", errno);
  if (S_ISSOCK(status.st_mode)) kind_ = Kind::socket;
  if (S_ISCHR(status.st_mode)) kind_ = Kind::slow;
  if (!S_ISFIFO(status.st_mode)) return;
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  own_ = UniqueFd(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
  kind_ = own_ ? Kind::pipe : Kind::slow;
  if (own_) fd_ = own_.get();
}

bool Output::continues_line(char end) const {
  struct stat status {};
  if (kind_ != Kind::file || ::fstat(fd_, &status) != 0 || !S_ISREG(status.st_mode) || status.st_size == 0)
    return false;
  const bool at_end = (::fcntl(fd_, F_GETFL) & O_APPEND) != 0 || ::lseek(fd_, 0, SEEK_CUR) == status.st_size;
  const std::string path = "/proc/self/fd/" + std::to_string(fd_);
  const UniqueFd reading(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  char last = end;
  return at_end && reading && ::pread(reading.get(), &last, 1, status.st_size - 1) == 1 && last != end;
}

bool Output::flush() {
  while (at_ < buffer_.size()) {
    const char* from = buffer_.data() + at_;
    std::size_t size = buffer_.size() - at_;
    if (kind_ == Kind::slow) {
      pollfd room = {fd_, POLLOUT, 0};
      if (::poll(&room, 1, 0) <= 0) break;
      size = std::min(size, kAtomicBytes);
    }
    const ssize_t n = kind_ == Kind::socket ? ::send(fd_, from, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                            : ::write(fd_, from, size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) break;
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
    if (n < 0) throw system_error("cannot write the results", errno).with_fate(Fate::done);
    at_ += static_cast<std::size_t>(n);
    written_ += static_cast<std::uint64_t>(n);
  }
  buffer_.erase(0, at_);
  at_ = 0;
  return true;
}

}  // namespace flame::client
