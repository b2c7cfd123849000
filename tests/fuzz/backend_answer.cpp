#include "client/pool/backend.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    const auto answer = client::read_backend_answer(fuzz::view(data, size));
    fuzz::require((answer.kind == client::BackendAnswer::Kind::failed) == answer.error.has_value());
  } catch (const std::exception&) {
    // What take_line() makes a protocol error of.
  }
  return 0;
}
