#include "wire/signature.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::answered([&] {
    const wire::Signature signature = wire::parse_signature(fuzz::view(data, size));
    // What is written of a type is read as the same type.
    for (const auto& parameter : signature.parameters) {
      const std::string text = wire::to_string(parameter.type);
      const wire::Signature again = wire::parse_signature("(" + parameter.name + ": " + text + ")");
      fuzz::require(wire::to_string(again.parameters.at(0).type) == text);
    }
  });
  return 0;
}
