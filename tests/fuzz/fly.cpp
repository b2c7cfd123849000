#include "backends/fly/answer.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

// A status, 100 to 611, from two bytes, then the body.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  backend::fly::HttpReply reply;
  reply.status = 100 + data[0] + data[1];
  reply.body = fuzz::view(data + 2, size - 2);
  const auto answer = backend::fly::classify(reply);
  (void)backend::fly::error_from(answer, "boot");
  return 0;
}
