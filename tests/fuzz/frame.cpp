#include "wire/frame.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace flame;

namespace {

// All frames as one text, fed in pieces of this size; "!" when the bytes are refused.
std::string frames_of(std::string_view bytes, std::size_t piece) {
  std::string out;
  wire::FrameReader reader;
  try {
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.feed(bytes.substr(at, piece));
      while (const auto frame = reader.next())
        wire::append_frame(out, frame->type, frame->flags, frame->call, frame->body);
    }
  } catch (const Error&) {
    return out + "!";
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::view(data, size);
  const std::string whole = frames_of(bytes, bytes.size() + 1);
  fuzz::require(whole == frames_of(bytes, 1) || bytes.size() > 4096);
  fuzz::require(whole == frames_of(bytes, 7));
  const auto head = wire::read_call_head(bytes);
  if (!head) return 0;
  std::string list(bytes.substr(wire::kCallHeadBytes));
  fuzz::answered([&] {
    char* at = list.data();
    for (std::uint32_t i = 0; i < head->argument_count; ++i)
      (void)wire::take_argument(at, list.data() + list.size());
  });
  return 0;
}
