// Owners and plain loops for file descriptors. Everything is O_CLOEXEC at birth.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace flame {

class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept { return std::exchange(fd_, -1); }
  void reset() noexcept;  // never retried: Linux frees the descriptor even on EINTR

 private:
  int fd_;
};

// Open a file; O_CLOEXEC is added. Throws Error(system) naming the path.
UniqueFd open_file(const std::string& path, int flags, unsigned mode = 0);

// write(2) until all is out. False (errno set) on failure; EINTR is retried. Blocking descriptors.
bool write_all(int fd, const void* data, std::size_t size) noexcept;
inline bool write_all(int fd, std::string_view text) noexcept {
  return write_all(fd, text.data(), text.size());
}

// read(2) until size bytes came or the end. Returns how many, or -1 (errno set).
std::ptrdiff_t read_full(int fd, void* data, std::size_t size) noexcept;

// The whole of a file, at most limit_bytes (Error(limit) beyond). Throws Error(system).
std::string read_file(const std::string& path, std::size_t limit_bytes);
std::string read_fd(int fd, std::size_t limit_bytes);

// Writes a file of this mode under a temporary name beside it, then renames it into place, so that a
// reader sees the old content or the new. Throws Error(system); leaves nothing behind.
void write_file_atomic(const std::string& path, std::string_view content, unsigned mode);

// What a directory has, in no order, "." and ".." among it; nothing where it cannot be read.
std::vector<std::string> names_in(const std::string& directory);

void set_nonblocking(int fd, bool on = true);

}  // namespace flame
