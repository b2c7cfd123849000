// What each side of a session that outlives its links keeps (PROTOCOL.md §10).
#include "wire/resumption.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <random>

#include "base/error.hpp"

using namespace flame;
using namespace flame::wire;

namespace {

std::string frame_of(std::size_t body_bytes, char fill = 'x') {
  std::string out;
  append_frame(out, FrameType::input, 0, 1, std::string(body_bytes, fill));
  return out;
}

}  // namespace

TEST_CASE("what was sent and is not acknowledged goes again, nothing else does") {
  SentFrames sent;
  const std::string first = frame_of(10, 'a'), second = frame_of(20, 'b'), third = frame_of(0);
  sent.append(first + second);
  CHECK(sent.next_message() == first + second);
  CHECK(sent.next_message().empty());
  sent.acknowledge(first.size());
  sent.append(third);
  CHECK(sent.unsent() == third);
  sent.resume(first.size());
  CHECK(sent.next_message() == second + third);
  sent.resume(sent.end_position());
  CHECK(sent.next_message().empty());
  CHECK(sent.acknowledged() == sent.sent_position());
}

TEST_CASE(
    "a count that cannot be is refused: more than was sent, less than was acknowledged, half a frame, huge") {
  SentFrames sent;
  sent.append(frame_of(10) + frame_of(10) + frame_of(10));
  CHECK_THROWS_AS(sent.acknowledge(26), Error);  // nothing was sent yet
  CHECK_NOTHROW(sent.acknowledge(0));
  (void)sent.next_message();
  sent.acknowledge(26);
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{25}, std::uint64_t{27}, std::uint64_t{79},
                                    std::numeric_limits<std::uint64_t>::max()}) {
    CHECK_THROWS_AS(sent.acknowledge(wrong), Error);
    CHECK_THROWS_AS(sent.resume(wrong), Error);
  }
  CHECK(sent.next_message().empty());  // and nothing has changed
  sent.resume(26);
  CHECK(sent.next_message().size() == 52);
}

TEST_CASE("a message holds whole frames, at most as many bytes as a message may have") {
  SentFrames sent;
  for (int i = 0; i < 5; ++i) sent.append(frame_of(kFrameBodyMaxBytes));
  const std::size_t one = kHeaderBytes + kFrameBodyMaxBytes;
  CHECK(sent.next_message(SIZE_MAX).size() == 3 * one);
  CHECK(sent.next_message(SIZE_MAX).size() == 2 * one);
  CHECK(sent.next_message(SIZE_MAX).empty());
}

TEST_CASE("a sender waits at the limit of what is not acknowledged, and goes on behind it") {
  SentFrames sent;
  sent.append(frame_of(kReplayMaxBytes / 4 - kHeaderBytes) + frame_of(kReplayMaxBytes / 4 - kHeaderBytes));
  sent.append(frame_of(kReplayMaxBytes / 4 - kHeaderBytes) + frame_of(kReplayMaxBytes / 4 - kHeaderBytes));
  CHECK(sent.next_message().size() == kReplayMaxBytes);
  sent.append(frame_of(1));
  CHECK(sent.next_message().empty());
  sent.acknowledge(kReplayMaxBytes / 4);
  CHECK(sent.next_message() == frame_of(1));
}

TEST_CASE("links cut at random: the other side has all frames once, in order") {
  std::minstd_rand chance(7);
  SentFrames sent;
  ReceivedFrames received;
  FrameReader reader;
  std::string all, got;
  const auto take = [&](std::string_view bytes) {
    reader.feed(bytes);
    while (const auto frame = reader.next()) {
      received.count(*frame);
      append_frame(got, frame->type, frame->flags, frame->call, frame->body);
    }
  };
  for (int i = 0; i < 2000; ++i) {
    const std::string frame = frame_of(chance() % 300, static_cast<char>('a' + i % 26));
    all += frame;
    sent.append(frame);
    const std::string message(sent.next_message());
    if (chance() % 10 != 0) {
      take(message);
    } else {  // a part of it arrives, then nothing
      take(std::string_view(message).substr(0, chance() % (message.size() + 1)));
      reader = FrameReader();
      sent.resume(received.position());
    }
    if (chance() % 5 == 0) sent.acknowledge(received.position());
  }
  take(std::string(sent.next_message()));
  CHECK(got == all);
}

TEST_CASE("a receiver owes a word after so many bytes, and says its position") {
  ReceivedFrames received;
  const std::string body(kAcknowledgeBytes - kHeaderBytes - 1, 'x');
  received.count({FrameType::output, 0, 1, body});
  CHECK_FALSE(received.owes());
  received.count({FrameType::output, 0, 1, {}});
  CHECK(received.owes());
  std::string out;
  received.append_to(out);
  CHECK_FALSE(received.owes());
  FrameReader reader;
  reader.feed(out);
  const auto frame = reader.next();
  REQUIRE(frame);
  CHECK(frame->type == FrameType::received);
  CHECK(read_position(*frame) == received.position());
  CHECK_THROWS_AS(read_position({FrameType::received, 0, 0, "1234567"}), Error);
}

TEST_CASE("the names of sessions") {
  CHECK(is_session_id(make_session_id()));
  CHECK(make_session_id() != make_session_id());
  CHECK_FALSE(is_session_id(""));
  CHECK_FALSE(is_session_id(std::string(31, 'a')));
  CHECK_FALSE(is_session_id(std::string(33, 'a')));
  CHECK_FALSE(is_session_id(std::string(32, 'A')));
}
