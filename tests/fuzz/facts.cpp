#include "client/plugin/facts.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::view(data, size);
  fuzz::answered([&] {
    // What we write we read. Once more, for names with control characters are written as people see them.
    const auto again = [](std::string_view facts) { return client::facts_json(client::parse_facts(facts)); };
    const std::string written = again(again(text));
    fuzz::require(again(written) == written);
  });
  fuzz::answered([&] { (void)client::facts_from_hello(text); });
  return 0;
}
