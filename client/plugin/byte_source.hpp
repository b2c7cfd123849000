// Where the bytes of a file come from: from its descriptor, of which only what is asked for is read (a plugin
// may have hundreds of megabytes), or from memory. Not mmap: a file that shrinks meanwhile would kill us by
// SIGBUS.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

namespace flame::client {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  virtual std::uint64_t size() const = 0;
  // size bytes at offset, valid as long as the source. Throws Error(plugin_unloadable) beyond the end and
  // when kElfReadMaxBytes are crossed.
  std::string_view at(std::uint64_t offset, std::uint64_t size);

 protected:
  virtual std::string_view fetch(std::uint64_t offset, std::size_t size) = 0;
};

class MemorySource : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : bytes_(bytes) {}
  std::uint64_t size() const override { return bytes_.size(); }

 protected:
  std::string_view fetch(std::uint64_t offset, std::size_t size) override {
    return bytes_.substr(offset, size);
  }

 private:
  std::string_view bytes_;
};

class FileSource : public ByteSource {
 public:
  FileSource(int fd, std::uint64_t size) : fd_(fd), size_(size) {}  // fd is borrowed
  std::uint64_t size() const override { return size_; }

 protected:
  std::string_view fetch(std::uint64_t offset, std::size_t size) override;

 private:
  const std::string& read(std::uint64_t offset, std::size_t size);

  int fd_;
  std::uint64_t size_, kept_bytes_ = 0;
  std::deque<std::string> kept_;
  std::string_view window_;  // the last small read and what lies behind it
  std::uint64_t window_at_ = 0;
};

}  // namespace flame::client
