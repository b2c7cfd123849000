#include "wire/signature.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"

using namespace flame;
using namespace flame::wire;

namespace {
std::string refusal(const std::string& text) {
  try {
    parse_signature(text);
  } catch (const Error& error) {
    return error.message;
  }
  return "accepted";
}
}  // namespace

TEST_CASE("every type reads, and prints as it was written") {
  for (const char* type :
       {"bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "string", "bytes", "json",
        "[f64]", "[[i32]?]", "i64?", "{}", "{x: f64, y: [u8]?, p: {name: string}}?"}) {
    CAPTURE(type);
    const auto signature = parse_signature(std::string("(a: ") + type + ") -> " + type);
    REQUIRE(signature.parameters.size() == 1);
    CHECK(signature.parameters[0].name == "a");
    CHECK(to_string(signature.parameters[0].type) == type);
    REQUIRE(signature.result);
    CHECK(to_string(*signature.result) == type);
  }
}

TEST_CASE("a narrow number is a wide one with a range") {
  const auto signature = parse_signature("(a: i8, b: u32, c: f32)");
  CHECK(signature.parameters[0].type.kind == Kind::i64);
  CHECK(signature.parameters[0].type.bits == 8);
  CHECK(signature.parameters[1].type.kind == Kind::u64);
  CHECK(signature.parameters[1].type.bits == 32);
  CHECK(signature.parameters[2].type.kind == Kind::f64);
  CHECK_FALSE(signature.result);
}

TEST_CASE("spaces do not matter; nothing in and nothing out") {
  CHECK(parse_signature("()").parameters.empty());
  CHECK(parse_signature(" ( a:i64 ,b :[ f64 ] ? )->bool ").parameters.size() == 2);
}

TEST_CASE("a wrong signature is refused at the byte that is wrong") {
  CHECK(refusal("") == "the signature '' wants '(' at byte 0");
  CHECK(refusal("(a: i64") == "the signature '(a: i64' wants ')' at byte 7");
  CHECK(refusal("(a: int)") == "the signature '(a: int)' wants a type at byte 4");
  CHECK(refusal("(a: i64,)") == "the signature '(a: i64,)' wants a name at byte 8");
  CHECK(refusal("(a: i64) -> ") == "the signature '(a: i64) -> ' wants a name at byte 12");
  CHECK(refusal("(a: i64) - f64") == "the signature '(a: i64) - f64' wants '->' at byte 10");
  CHECK(refusal("() -> f64 x") == "the signature '() -> f64 x' wants the end at byte 10");
  for (const char* bad : {"(1a: i64)", "(a: i64? ?)", "(a: [i64)", "(a: {x: f64)", "(a)", "a: i64",
                          "(a: i64) ->", "(\xC3\xA9: i64)", "(a: i7)", "(a: f16)", "(a: i64; b: i64)"})
    CHECK_MESSAGE(refusal(bad) != "accepted", bad);
}

TEST_CASE("a name stands once, and is short") {
  CHECK(refusal("(a: i64, a: f64)") ==
        "the signature '(a: i64, a: f64)' wants a name other than 'a', which it has already at byte 15");
  CHECK(refusal("(p: {x: f64, x: f64})") != "accepted");
  CHECK(refusal("(" + std::string(kNameMaxBytes, 'a') + ": i64)") == "accepted");
  CHECK(refusal("(" + std::string(kNameMaxBytes + 1, 'a') + ": i64)") != "accepted");
}

TEST_CASE("size and depth at the limit and one more") {
  const auto sized = [](std::size_t size) { return "(" + std::string(size - 2, ' ') + ")"; };
  CHECK(refusal(sized(kSignatureMaxBytes)) == "accepted");
  CHECK(refusal(sized(kSignatureMaxBytes + 1)).find("the limit is 16384") != std::string::npos);
  const auto nested = [](int depth) {
    const auto count = static_cast<std::size_t>(depth);
    return "() -> " + std::string(count, '[') + "i64" + std::string(count, ']');
  };
  CHECK(refusal(nested(kTypeMaxDepth)) == "accepted");
  CHECK(refusal(nested(kTypeMaxDepth + 1)).find("less depth") != std::string::npos);
}
