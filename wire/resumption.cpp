#include "wire/resumption.hpp"

#include <algorithm>

#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::wire {
namespace {

std::size_t frame_bytes(const std::string& frames, std::size_t at) {
  return kHeaderBytes + get_u32(frames.data() + at);
}

}  // namespace

std::string make_session_id() { return hex(random_bytes(kSessionIdBytes)); }

bool is_session_id(std::string_view text) {
  return text.size() == 2 * kSessionIdBytes &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string_view SentFrames::next_message(std::size_t unacknowledged_max_bytes) {
  if (next_ - at_ >= unacknowledged_max_bytes) return {};
  std::size_t end = kept_.size();
  if (end - next_ > kMessageMaxBytes) {
    end = next_;
    for (std::size_t size; end + (size = frame_bytes(kept_, end)) - next_ <= kMessageMaxBytes;) end += size;
  }
  const std::string_view out = std::string_view(kept_).substr(next_, end - next_);
  next_ = end;
  return out;
}

// Bytes from what is acknowledged to there.
std::size_t SentFrames::distance(std::uint64_t position) const {
  if (position < begin_ || position > sent_position())
    throw Error(ErrorKind::protocol, "it says that it has " + std::to_string(position) +
                                         " bytes of frames, and it can have from " + std::to_string(begin_) +
                                         " to " + std::to_string(sent_position()));
  const auto wanted = static_cast<std::size_t>(position - begin_);
  std::size_t at = 0;
  while (at < wanted) at += frame_bytes(kept_, at_ + at);
  if (at != wanted)
    throw Error(ErrorKind::protocol,
                "it says that it has " + std::to_string(position) + " bytes of frames, which ends in one");
  return wanted;
}

void SentFrames::acknowledge(std::uint64_t position) {
  at_ += distance(position);
  begin_ = position;
  if (2 * at_ < kept_.size()) return;  // what is kept is moved no oftener than it grows
  kept_.erase(0, at_);
  next_ -= at_;
  at_ = 0;
}

void SentFrames::resume(std::uint64_t position) {
  acknowledge(position);
  next_ = at_;
}

void ReceivedFrames::append_to(std::string& out) {
  std::string body;
  put_u64(body, position_);
  append_frame(out, FrameType::received, 0, 0, body);
  told();
}

std::uint64_t read_position(const Frame& frame) {
  if (frame.body.size() != 8)
    throw Error(ErrorKind::protocol, "a count of received bytes that is not 8 bytes long");
  return get_u64(frame.body.data());
}

}  // namespace flame::wire
