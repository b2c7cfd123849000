#include "client/plugin/limits.hpp"
#include "client/plugin/symbols.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string name = "_Z" + std::string(fuzz::view(data, size));
  const std::string text = client::demangle(name.c_str());
  fuzz::require(text.size() <= client::kDemangledMaxBytes || text == name.c_str());
  return 0;
}
