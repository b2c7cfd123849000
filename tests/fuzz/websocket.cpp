#include "client/link/websocket.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace flame;

namespace {

std::string frames_of(std::string_view bytes, std::size_t piece) {
  std::string out, ping;
  wire::FrameReader frames;
  client::MessageReader reader;
  try {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.feed(bytes.substr(at, piece), frames);
      while (const auto frame = frames.next())
        wire::append_frame(out, frame->type, frame->flags, frame->call, frame->body);
    }
  } catch (const Error&) {
    return "!";
  }
  if (reader.take_ping(ping)) fuzz::require(ping.size() <= 125);
  return out + (reader.closed() ? "." : "");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::view(data, size);
  fuzz::require(frames_of(bytes, bytes.size() + 1) == frames_of(bytes, 3));
  return 0;
}
