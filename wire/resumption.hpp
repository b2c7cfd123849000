// A session that outlives its links (PROTOCOL.md §10): what each side keeps of the frames that it has said,
// and counts of those that it was told. A position is the bytes of all frames since the session began.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "wire/frame.hpp"

namespace flame::wire {

inline constexpr std::size_t kSessionIdBytes = 16;
std::string make_session_id();              // hex
bool is_session_id(std::string_view text);  // 32 hex digits

// Frames that go to the other side, kept until it says that it has them.
class SentFrames {
 public:
  void append(std::string_view frames) { kept_ += frames; }
  // Whole frames for one message, which count as sent. Empty: there are none, or so much is unacknowledged.
  // Valid until the next call.
  std::string_view next_message(std::size_t unacknowledged_max_bytes = kReplayMaxBytes);
  std::string_view unsent() const { return std::string_view(kept_).substr(next_); }
  std::uint64_t sent_position() const { return begin_ + (next_ - at_); }
  std::uint64_t end_position() const { return begin_ + (kept_.size() - at_); }  // once all is sent
  std::uint64_t acknowledged() const { return begin_; }

  // The other side has all before this position. Throws Error(protocol) for one that cannot be: further than
  // what was sent, acknowledged already, or inside a frame.
  void acknowledge(std::uint64_t position);
  void check(std::uint64_t position) const { (void)distance(position); }
  // On a new link: the same, and what is behind it goes again.
  void resume(std::uint64_t position);

 private:
  std::size_t distance(std::uint64_t position) const;

  std::string kept_;
  std::size_t at_ = 0;       // of kept_: what is before is acknowledged, and goes when it is half
  std::size_t next_ = 0;     // of kept_: what is before was sent
  std::uint64_t begin_ = 0;  // position of at_
};

// Frames that came from the other side.
class ReceivedFrames {
 public:
  void count(const Frame& frame) { position_ += kHeaderBytes + frame.body.size(); }
  std::uint64_t position() const { return position_; }
  bool owes() const { return position_ - told_ >= kAcknowledgeBytes; }
  void append_to(std::string& out);  // the frame `received`, which does not count itself
  void told() { told_ = position_; }

 private:
  std::uint64_t position_ = 0, told_ = 0;
};

// Of a frame `received`. Throws Error(protocol).
std::uint64_t read_position(const Frame& frame);

}  // namespace flame::wire
