#include <boost/json/serialize.hpp>

#include "backends/kit/serve.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace flame;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<backend::Verb> verbs = {
      {"boot", [](const backend::Request& request) {
         return boost::json::object{{"name", request.name + request.text_setting("image")},
                                    {"slots", request.number_setting("slots")}};
       }}};
  const auto reply = backend::answer_line("fuzz", verbs, fuzz::view(data, size));
  fuzz::require(reply.contains("ok") != reply.contains("error"));
  (void)boost::json::serialize(reply);
  return 0;
}
