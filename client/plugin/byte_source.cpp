#include "client/plugin/byte_source.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"
#include "client/plugin/limits.hpp"

namespace flame::client {

namespace {
constexpr std::size_t kWindowBytes = 16 * 1024;
Error too_much() {
  return Error(ErrorKind::plugin_unloadable,
               "its tables have more than " + std::to_string(kElfReadMaxBytes >> 20) + " MiB");
}
}  // namespace

std::string_view ByteSource::at(std::uint64_t offset, std::uint64_t size) {
  if (offset > this->size() || size > this->size() - offset)
    throw Error(ErrorKind::plugin_unloadable, "it is truncated");
  if (size > kElfReadMaxBytes) throw too_much();
  return fetch(offset, static_cast<std::size_t>(size));
}

// Tables of small entries that point to each other are read a window at a time.
std::string_view FileSource::fetch(std::uint64_t offset, std::size_t size) {
  if (offset >= window_at_ && offset - window_at_ <= window_.size() &&
      size <= window_.size() - (offset - window_at_))
    return window_.substr(offset - window_at_, size);
  if (size >= kWindowBytes) return read(offset, size);
  window_ = read(offset, static_cast<std::size_t>(std::min<std::uint64_t>(kWindowBytes, size_ - offset)));
  window_at_ = offset;
  return window_.substr(0, size);
}

const std::string& FileSource::read(std::uint64_t offset, std::size_t size) {
  kept_bytes_ += size;
  if (kept_bytes_ > kElfReadMaxBytes) throw too_much();
  std::string& block = kept_.emplace_back(size, '\0');
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::pread(fd_, block.data() + done, size - done, static_cast<off_t>(offset + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_error("cannot read it", errno);
    if (n == 0) throw Error(ErrorKind::plugin_unloadable, "it is truncated");  // it shrank meanwhile
    done += static_cast<std::size_t>(n);
  }
  return block;
}

}  // namespace flame::client
