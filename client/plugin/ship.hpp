// Sends a plugin's files to a runner that lacks them (PROTOCOL.md §3, `offer` and `ship`): each once, packed
// with zstd, from where an earlier sender stopped.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "client/plugin/ship_set.hpp"
#include "wire/frame.hpp"

struct ZSTD_CCtx_s;

namespace flame::client {

class Link;

class Shipment {
 public:
  explicit Shipment(std::vector<ShipFile> files);
  ~Shipment();

  void offer(std::string& frames);      // first
  void take(const wire::Frame& frame);  // wanted and stored; others are not ours. Throws Error.
  bool wants_to_send() const { return sending_ < parts_.size(); }
  void fill(std::string& frames);  // the next piece. Throws Error when the file is no longer what it was.
  bool over() const { return stored_ == parts_.size(); }

  std::uint64_t total_bytes() const { return total_bytes_; }  // of the files that the runner asked for
  std::uint64_t done_bytes() const { return done_bytes_; }
  std::uint64_t wire_bytes() const { return wire_bytes_; }

 private:
  struct FreeEncoder {
    void operator()(ZSTD_CCtx_s* encoder) const;
  };
  struct Part {
    ShipFile file;
    UniqueFd fd;
    std::uint64_t at = 0;
    bool wanted = false, stored = false;
  };
  void choose();

  std::vector<Part> parts_;
  std::size_t sending_, stored_ = 0;
  std::unique_ptr<ZSTD_CCtx_s, FreeEncoder> encoder_;
  std::string plain_;
  std::uint64_t total_bytes_ = 0, done_bytes_ = 0, wire_bytes_ = 0;
};

using ShipProgress = std::function<void(const Shipment&)>;
// Offers and sends all over a link that carries nothing else meanwhile. Throws Error. progress: after each
// piece, and once wake_fd is readable; it may throw.
void ship(Link& link, std::vector<ShipFile> files, Deadline deadline, const ShipProgress& progress,
          int wake_fd = -1);

}  // namespace flame::client
