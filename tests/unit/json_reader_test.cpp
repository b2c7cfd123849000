#include "runner/worker/json_reader.hpp"

#include <doctest/doctest.h>

#include "wire/limits.hpp"

using namespace flame::worker;
using namespace std::string_literals;

namespace {
// "" for one whole value, else why it is none.
std::string fault(std::string_view text) {
  try {
    JsonReader json(text);
    (void)json.value();
    json.end();
  } catch (const JsonError& error) {
    return error.why;
  }
  return "";
}
std::string decoded(std::string_view text) {
  JsonReader json(text);
  return json.string();
}
}  // namespace

TEST_CASE("what RFC 8259 allows") {
  for (const char* good : {"null",
                           "true",
                           "false",
                           "0",
                           "-0",
                           "-0.0",
                           "1e5",
                           "1E-5",
                           "0.5",
                           "1234567890.5e+10",
                           "\"\"",
                           "[]",
                           "{}",
                           " [ ] ",
                           "[[],{}]",
                           "{\"a\":[1,2,{\"b\":null}],\"a\":2}",
                           "\t\r\n1\n",
                           "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\uDE00\"",
                           "\"\x7F\xC3\xA9\"",
                           "1e400"})
    CHECK_MESSAGE(fault(good) == "", good);
}

TEST_CASE("what it does not") {
  for (const char* bad : {"",
                          " ",
                          "nul",
                          "True",
                          "NaN",
                          "Infinity",
                          "-",
                          "+1",
                          "01",
                          "-01",
                          "1.",
                          ".5",
                          "1e",
                          "1e+",
                          "0x1",
                          "[1,2,tru]",
                          "[1,]",
                          "[,1]",
                          "[1 2]",
                          "[1",
                          "]",
                          "{",
                          "{\"a\"}",
                          "{\"a\":}",
                          "{\"a\":1,}",
                          "{a:1}",
                          "{1:2}",
                          "{\"a\":1 \"b\":2}",
                          "[1}",
                          "{\"a\":1]",
                          "\"",
                          "\"\\",
                          "\"\\x\"",
                          "\"\\u12\"",
                          "\"\\u12G4\"",
                          "\"\n\"",
                          "\"\\uD800\"",
                          "\"\\uDC00\"",
                          "\"\\uD800\\u0041\"",
                          "'a'",
                          "1 2",
                          "[]]",
                          "//1\n1",
                          "\"a\"b"})
    CHECK_MESSAGE(fault(bad) != "", bad);
  CHECK(fault("\"\xFF\"") == "it is not valid UTF-8 at byte 1");
  CHECK(fault("\"\xED\xA0\x80\"") == "it is not valid UTF-8 at byte 1");
  CHECK(fault("1\0"s) != "");
  CHECK(fault("\"a\0\""s) != "");
  CHECK(fault("[1,2") == "it ends too early, at byte 4");
  CHECK(fault("[1;2]") == "no ',' at byte 2");
}

TEST_CASE("strings decode") {
  CHECK(decoded("\"a\\u0000b\"") == "a\0b"s);
  CHECK(decoded("\"\\ud83d\\ude00\"") == "\xF0\x9F\x98\x80");
  CHECK(decoded("\"\\u00e9\\u20ac\"") == "\xC3\xA9\xE2\x82\xAC");
  CHECK(decoded("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"") == "\"\\/\b\f\n\r\t");
}

TEST_CASE("depth at the limit and one more, without the stack") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(fault(nested(flame::wire::kJsonMaxDepth)) == "");
  CHECK(fault(nested(flame::wire::kJsonMaxDepth + 1)).find("depth") != std::string::npos);
  CHECK(fault(std::string(10'000'000, '[')).find("depth") != std::string::npos);
}
