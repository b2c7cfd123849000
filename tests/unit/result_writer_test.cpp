#include "runner/worker/result_writer.hpp"

#include <doctest/doctest.h>

#include <limits>

#include "base/error.hpp"

using namespace flame;
using namespace flame::worker;
using namespace std::string_literals;

namespace {

// A writer for a declared type, which it holds.
struct Result {
  wire::Signature signature;
  ResultWriter writer;
  explicit Result(const std::string& type, std::uint64_t max_bytes = wire::kResultMaxBytes)
      : signature(wire::parse_signature(type.empty() ? "()" : "() -> " + type)),
        writer(signature.result ? &*signature.result : nullptr, max_bytes) {}
};

template <class Write>
std::string written(const std::string& type, Write write) {
  Result result(type);
  write(result.writer);
  CHECK(result.writer.complete());
  return result.writer.text();
}
template <class Write>
std::string refusal(const std::string& type, Write write) {
  Result result(type);
  try {
    write(result.writer);
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::bad_result);
    return error.message;
  }
  return result.writer.complete() ? "accepted" : "incomplete";
}

}  // namespace

TEST_CASE("every type as JSON") {
  CHECK(written("bool", [](auto& w) { w.boolean(true); }) == "true");
  CHECK(written("i64", [](auto& w) { w.i64(std::numeric_limits<std::int64_t>::min()); }) ==
        "-9223372036854775808");
  CHECK(written("u64", [](auto& w) { w.u64(std::numeric_limits<std::uint64_t>::max()); }) ==
        "18446744073709551615");
  CHECK(written("f64", [](auto& w) { w.f64(1e21); }) == "1e+21");
  CHECK(written("f64", [](auto& w) { w.f64(std::numeric_limits<double>::quiet_NaN()); }) == "\"NaN\"");
  CHECK(written("f64", [](auto& w) { w.i64(9007199254740993); }) == "9007199254740992");
  CHECK(written("f32", [](auto& w) { w.f64(static_cast<double>(0.1F)); }) == "0.1");
  CHECK(written("string", [](auto& w) { w.string("a\"\\\n\x01\0\xC3\xA9"s.append(1, '\0')); }) ==
        "\"a\\\"\\\\\\n\\u0001\\u0000\xC3\xA9\\u0000\"");
  CHECK(written("string?", [](auto& w) { w.null(); }) == "null");
  CHECK(written("json", [](auto& w) { w.json("{\"a\":\r\n 1.10}"); }) == "{\"a\":   1.10}");
  CHECK(written("[bytes]", [](auto& w) { w.begin_array(), w.bytes("\0\xFF"s), w.end_array(); }) ==
        "[\"AP8=\"]");
  CHECK(written("[i64?]", [](auto& w) { w.begin_array(), w.null(), w.i64(1), w.end_array(); }) == "[null,1]");
  CHECK(written("[i64]", [](auto& w) { w.begin_array(), w.end_array(); }) == "[]");
  CHECK(written("", [](auto&) {}) == "");
}

TEST_CASE("bytes on their own are raw, also without any") {
  Result result("bytes");
  result.writer.bytes("\0\xFF"s);
  CHECK(result.writer.raw_bytes());
  CHECK(result.writer.text() == "\0\xFF"s);
  Result empty("bytes");
  empty.writer.bytes("");
  CHECK(empty.writer.raw_bytes());
  CHECK(empty.writer.complete());
  Result none("bytes?");
  none.writer.null();
  CHECK_FALSE(none.writer.raw_bytes());
}

TEST_CASE("records: any order, optional fields may be left out") {
  CHECK(written("{x: f64, y: [i64]?, z: {n: bool}}", [](auto& w) {
          w.begin_record(), w.key("z"), w.begin_record(), w.key("n"), w.boolean(false), w.end_record();
          w.key("x"), w.f64(1), w.end_record();
        }) == "{\"z\":{\"n\":false},\"x\":1}");
  const std::string type = "{x: f64}";
  CHECK(refusal(type, [](auto& w) { w.begin_record(), w.end_record(); }) == "left out the key 'x'");
  CHECK(refusal(type, [](auto& w) { w.begin_record(), w.key("y"); }) ==
        "wrote the key 'y', which its signature does not declare");
  CHECK(refusal(type, [](auto& w) { w.begin_record(), w.key("x"), w.f64(1), w.key("x"); }) ==
        "wrote the key 'x' twice");
  CHECK(refusal(type, [](auto& w) { w.begin_record(), w.f64(1); }) == "wrote f64 in a record without a key");
  CHECK(refusal(type, [](auto& w) { w.begin_record(), w.key("x"), w.key("x"); }) ==
        "wrote two keys in a row");
  CHECK(refusal(type, [](auto& w) { w.begin_record(), w.key("x"), w.end_record(); }) ==
        "closed a record behind a key");
  CHECK(refusal(type, [](auto& w) { w.begin_record(), w.key("x"), w.f64(1); }) == "incomplete");
}

TEST_CASE("what the signature does not declare is refused") {
  CHECK(refusal("i64", [](auto& w) { w.boolean(true); }) == "wrote bool where i64 is declared");
  CHECK(refusal("i64", [](auto& w) { w.f64(1); }) == "wrote f64 where i64 is declared");
  CHECK(refusal("u64", [](auto& w) { w.i64(1); }) == "wrote i64 where u64 is declared");
  CHECK(refusal("i64", [](auto& w) { w.null(); }) == "wrote null where i64 is declared");
  CHECK(refusal("[i64]", [](auto& w) { w.i64(1); }) == "wrote i64 where [i64] is declared");
  CHECK(refusal("i64", [](auto& w) { w.i64(1), w.i64(2); }) == "wrote a second result");
  CHECK(refusal("", [](auto& w) { w.i64(1); }) == "wrote i64; its signature declares no result");
  CHECK(refusal("i64", [](auto& w) { w.key("x"); }) == "wrote a key outside of a record");
  CHECK(refusal("[i64]", [](auto& w) { w.begin_array(), w.end_record(); }) ==
        "closed what it had not opened");
  CHECK(refusal("[i64]", [](auto& w) { w.end_array(); }) == "closed what it had not opened");
  CHECK(refusal("i64", [](auto&) {}) == "incomplete");
}

TEST_CASE("ranges of narrow types") {
  CHECK(refusal("i8", [](auto& w) { w.i64(-128); }) == "accepted");
  CHECK(refusal("i8", [](auto& w) { w.i64(128); }) == "wrote 128 where i8 is declared");
  CHECK(refusal("u16", [](auto& w) { w.u64(65535); }) == "accepted");
  CHECK(refusal("u16", [](auto& w) { w.u64(65536); }) == "wrote 65536 where u16 is declared");
  CHECK(refusal("f32", [](auto& w) { w.f64(1e39); }) == "wrote 1e+39 where f32 is declared");
}

TEST_CASE("texts are checked") {
  CHECK(refusal("string", [](auto& w) { w.string("a\xFF"); }) ==
        "wrote a string that is not valid UTF-8 at byte 1");
  CHECK(refusal("json", [](auto& w) { w.json("[1,2,tru]"); }) ==
        "wrote JSON that is not valid: no value at byte 5");
  CHECK(refusal("json", [](auto& w) { w.json(""); }).find("not valid") != std::string::npos);
  CHECK(refusal("json", [](auto& w) { w.json("1 2"); }).find("not valid") != std::string::npos);
  CHECK(refusal("json", [](auto& w) { w.json("\"\xFF\""); }).find("UTF-8") != std::string::npos);
}

TEST_CASE("size at the limit and one more") {
  const auto fits = [](std::size_t size) {
    Result result("bytes", 1000);
    try {
      result.writer.bytes(std::string(size, 'x'));
      return true;
    } catch (const Error& error) {
      CHECK(error.kind == ErrorKind::limit);
      CHECK(error.message == "wrote a result of more than 1000 bytes");
      return false;
    }
  };
  CHECK(fits(1000));
  CHECK_FALSE(fits(1001));
  Result quotes("string", 1000);
  CHECK_THROWS_AS(quotes.writer.string(std::string(600, '"')), Error);  // 1202 when escaped
  Result numbers("[i64]", 1000);
  numbers.writer.begin_array();
  CHECK_THROWS_AS(
      [&] {
        for (int i = 0; i < 1000; ++i) numbers.writer.i64(i);
      }(),
      Error);
}
