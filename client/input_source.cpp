#include "client/input_source.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.hpp"

namespace flame::client {

InputSource::InputSource(UniqueFd fd) : InputSource(fd.get()) { owned_ = std::move(fd); }

InputSource::InputSource(int fd) : fd_(fd), start_(::lseek(fd, 0, SEEK_CUR)), seekable_(start_ >= 0) {}

std::string_view InputSource::read(std::size_t most) {
  if (at_ < kept_.size()) {
    const std::string_view again = std::string_view(kept_).substr(at_, most);
    at_ += again.size();
    return again;
  }
  buffer_.resize(most);
  ssize_t n;
  do n = ::read(fd_, buffer_.data(), most);
  while (n < 0 && errno == EINTR);
  if (n < 0) throw system_error("cannot read the input", errno).with_fate(Fate::unknown);
  ended_ = n == 0;
  if (record_ >= 0 && !write_all(record_, buffer_.data(), static_cast<std::size_t>(n)))
    throw system_error("cannot keep the input", errno).with_fate(Fate::unknown);
  const std::string_view fresh(buffer_.data(), static_cast<std::size_t>(n));
  if (keeps_ && !seekable_) {
    kept_ += fresh;
    at_ = kept_.size();
  }
  return fresh;
}

void InputSource::rewind() {
  if (!seekable_ && !keeps_) throw Error(ErrorKind::system, "the input was read and cannot be read again");
  if (seekable_) ::lseek(fd_, start_, SEEK_SET);
  if (seekable_ && record_ >= 0 && (::lseek(record_, 0, SEEK_SET) != 0 || ::ftruncate(record_, 0) != 0))
    throw system_error("cannot keep the input", errno);
  at_ = 0;
}

void InputSource::taken() {
  keeps_ = false;
  if (at_ >= kept_.size()) kept_ = std::string(), at_ = 0;
}

}  // namespace flame::client
