#include "wire/frame.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace flame;
using namespace flame::wire;

TEST_CASE("frames survive any cutting of the stream") {
  std::string bytes;
  append_frame(bytes, FrameType::log, 0, 7, "hello");
  append_frame(bytes, FrameType::result, flag::bytes, 8, "");
  append_frame(bytes, FrameType::output, 0, ~0ULL, std::string(1000, 'x'));
  for (std::size_t step : {std::size_t{1}, std::size_t{3}, std::size_t{17}, bytes.size()}) {
    FrameReader reader;
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      reader.feed(std::string_view(bytes).substr(at, step));
      while (auto frame = reader.next())
        seen.push_back(std::to_string(static_cast<int>(frame->type)) + "/" + std::to_string(frame->call) +
                       "/" + std::to_string(frame->body.size()));
    }
    CHECK(seen == std::vector<std::string>{"36/7/5", "39/8/0", "38/18446744073709551615/1000"});
    CHECK(reader.between_frames());
  }
}

TEST_CASE("a frame at the limit passes, one byte more is refused on both sides") {
  std::string bytes;
  const std::string full(kFrameBodyMaxBytes, 'a');
  append_frame(bytes, FrameType::output, 0, 1, full);
  FrameReader reader;
  reader.feed(bytes);
  CHECK(reader.next()->body.size() == kFrameBodyMaxBytes);
  CHECK_THROWS_AS(append_frame(bytes, FrameType::output, 0, 1, full + "a"), Error);

  std::string lie;
  put_u32(lie, static_cast<std::uint32_t>(kFrameBodyMaxBytes + 1));
  lie.append(12, '\0');
  FrameReader other;
  other.feed(lie);  // the header alone is enough to refuse it
  CHECK_THROWS_AS(other.next(), Error);
}

TEST_CASE("a long body goes in pieces") {
  std::string bytes;
  append_pieces(bytes, FrameType::result, 0, 5, std::string(2 * kPieceBytes + 1, 'r'));
  FrameReader reader;
  reader.feed(bytes);
  CHECK(reader.next()->has(flag::more));
  CHECK(reader.next()->has(flag::more));
  const auto last = reader.next();
  CHECK_FALSE(last->has(flag::more));
  CHECK(last->body.size() == 1);
}

TEST_CASE("arguments: words, JSON, and bytes in chunks") {
  std::string list;
  append_argument(list, ArgumentKind::word, "007");
  append_bytes_begin(list);
  append_bytes_chunk(list, "ab");
  append_bytes_chunk(list, "cde");
  append_bytes_end(list);
  append_argument(list, ArgumentKind::json, "[1]");
  char* at = list.data();
  char* const end = at + list.size();
  CHECK(take_argument(at, end).value == "007");
  CHECK(take_argument(at, end).value == "abcde");
  CHECK(take_argument(at, end).value == "[1]");
  CHECK(at == end);
  CHECK_THROWS_AS(take_argument(at, end), Error);
}

TEST_CASE("an argument list that lies about its lengths is refused") {
  std::string list;
  append_argument(list, ArgumentKind::bytes, "abcdef");
  for (std::size_t cut = 0; cut < list.size(); ++cut) {
    std::string shorter = list.substr(0, cut);
    char* at = shorter.data();
    CHECK_THROWS_AS(take_argument(at, shorter.data() + shorter.size()), Error);
  }
  std::string unknown = "\x09\x01\0\0\0x";
  char* at = unknown.data();
  CHECK_THROWS_AS(take_argument(at, at + unknown.size()), Error);
}

TEST_CASE("a call's head") {
  std::string body;
  append_call_head(body, {3, 2, 1500});
  write_call_head(body.data(), {4, 2, 1200});
  const auto head = read_call_head(body);
  REQUIRE(head);
  CHECK(head->bind == 4);
  CHECK(head->remaining_ms == 1200);
  CHECK_FALSE(read_call_head(std::string_view(body).substr(1)));
}
