#include "runner/worker/arguments.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace flame;

// A signature, a newline, the number of arguments as a byte, the argument list as it comes from the wire.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view all = fuzz::view(data, size);
  const std::size_t line = all.find('\n');
  if (line == std::string_view::npos || line + 1 >= all.size()) return 0;
  fuzz::answered([&] {
    const wire::Signature signature = wire::parse_signature(all.substr(0, line));
    const auto count = static_cast<unsigned char>(all[line + 1]);
    const worker::Arguments arguments("f", signature, count, std::string(all.substr(line + 2)));
    fuzz::require(arguments.values().size() == signature.parameters.size());
  });
  return 0;
}
