#include "runner/worker/json_reader.hpp"

#include <boost/json/error.hpp>
#include <boost/json/parse.hpp>

#include "tests/fuzz/fuzz.hpp"
#include "wire/limits.hpp"

using namespace flame;

namespace {

// The one value that the text is, or nothing.
std::string value_of(std::string_view text) {
  try {
    worker::JsonReader json(text);
    const std::string_view value = json.value();
    json.end();
    return std::string(value);
  } catch (const worker::JsonError&) {
    return {};
  }
}

}  // namespace

// What is JSON for us is JSON for another parser, and the reverse; strings decode to the same.
int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::view(data, size);
  boost::json::parse_options options;
  options.max_depth = wire::kJsonMaxDepth;
  boost::system::error_code why;
  const auto theirs =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), why, {}, options);
  const std::string ours = value_of(text);
  if (why == boost::json::error::exponent_overflow) return 0;  // for us a number is text
  fuzz::require(ours.empty() == why.failed());
  fuzz::require(value_of(ours) == ours);
  if (!why && theirs.is_string()) fuzz::require(worker::JsonReader(text).string() == theirs.get_string());
  return 0;
}
