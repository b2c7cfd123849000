#include "runner/worker/arguments.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/error.hpp"
#include "runner/worker/running_call.hpp"

using namespace flame;
using namespace flame::worker;
using namespace std::string_literals;
using wire::ArgumentKind;

namespace {

struct Given {
  ArgumentKind kind;
  std::string value;
};
Given word(std::string text) { return {ArgumentKind::word, std::move(text)}; }
Given json(std::string text) { return {ArgumentKind::json, std::move(text)}; }
Given file(std::string text) { return {ArgumentKind::bytes, std::move(text)}; }
Given all(std::string text) { return {ArgumentKind::json_array, std::move(text)}; }

Arguments convert(const std::string& signature, const std::vector<Given>& given) {
  std::string list;
  for (const auto& one : given) wire::append_argument(list, one.kind, one.value);
  return Arguments("fn", wire::parse_signature(signature), static_cast<std::uint32_t>(given.size()),
                   std::move(list));
}
std::string refusal(const std::string& signature, const std::vector<Given>& given) {
  try {
    convert(signature, given);
  } catch (const Error& error) {
    CHECK(error.kind == ErrorKind::bad_arguments);
    return error.message;
  }
  return "accepted";
}
std::string refusal_of(const std::string& type, const Given& given) {
  return refusal("(a: " + type + ")", {given});
}

// Holds the arguments for as long as their value is looked at.
struct One {
  Arguments arguments;
  const flame_value& value = arguments.values()[0];
  One(const std::string& type, const Given& given) : arguments(convert("(a: " + type + ")", {given})) {}
  std::string text() const { return {value.as.text, value.count}; }
};

}  // namespace

TEST_CASE("words by the parameter's type") {
  CHECK(One("bool", word("true")).value.as.u64 == 1);
  CHECK(One("bool", word("false")).value.kind == FLAME_BOOL);
  CHECK(One("i64", word("-9223372036854775808")).value.as.i64 == std::numeric_limits<std::int64_t>::min());
  CHECK(One("u64", word("18446744073709551615")).value.as.u64 == std::numeric_limits<std::uint64_t>::max());
  CHECK(One("f64", word("0.1")).value.as.f64 == 0.1);
  CHECK(std::isnan(One("f64", word("NaN")).value.as.f64));
  CHECK(One("f32", word("0.1")).value.as.f64 == static_cast<double>(0.1F));
  CHECK(One("string", word("007")).text() == "007");
  CHECK(One("string", word("")).text() == "");
  CHECK(One("string", word("null")).text() == "null");
  CHECK(One("string?", word("null")).text() == "null");
  CHECK(One("i64?", word("null")).value.kind == FLAME_NULL);
  CHECK(One("bytes", word("\xFF\x00"s)).text() == "\xFF\x00"s);
  CHECK(One("json", word(" {\"a\": 1.10} ")).text() == "{\"a\": 1.10}");
  CHECK(One("[i64]", word("[1, 2]")).value.count == 2);
}

TEST_CASE("texts end with a NUL that their count leaves out") {
  const One text("string", json("\"a\\u0000b\""));
  CHECK(text.text() == "a\0b"s);
  CHECK(text.value.as.text[3] == '\0');
  const One value("json", json("[1, 2]"));
  CHECK(value.value.as.text[value.value.count] == '\0');
}

TEST_CASE("JSON by the parameter's type") {
  CHECK(One("bool", json("true")).value.as.u64 == 1);
  CHECK(One("i64", json("1.0")).value.as.i64 == 1);
  CHECK(One("i64", json("9007199254740993")).value.as.i64 == 9007199254740993);
  CHECK(One("u64", json("18446744073709551615")).value.as.u64 == std::numeric_limits<std::uint64_t>::max());
  CHECK(One("u64", json("-0")).value.as.u64 == 0);
  CHECK(One("f64", json("0.1")).value.as.f64 == 0.1);
  CHECK(std::signbit(One("f64", json("-0.0")).value.as.f64));
  CHECK(std::isnan(One("f64", json("\"NaN\"")).value.as.f64));
  CHECK(One("f64", json("\"-Infinity\"")).value.as.f64 < 0);
  CHECK(One("string", json("\"\\ud83d\\ude00\"")).text() == "\xF0\x9F\x98\x80");
  CHECK(One("bytes", json("\"AP8=\"")).text() == "\0\xFF"s);
  CHECK(One("json", json("{\"big\": 12345678901234567890123, \"a\":1, \"a\":2}")).text() ==
        "{\"big\": 12345678901234567890123, \"a\":1, \"a\":2}");
  CHECK(One("string?", json("null")).value.kind == FLAME_NULL);
  CHECK(One("json", json("null")).text() == "null");
}

TEST_CASE("arrays of numbers are packed; others hold values") {
  const One i64s("[i64]", json("[1, 2.0, -3]"));
  REQUIRE(i64s.value.kind == FLAME_I64_ARRAY);
  CHECK(i64s.value.count == 3);
  CHECK(i64s.value.as.i64s[1] == 2);
  const One f64s("[f32]", json("[0.1, \"Infinity\"]"));
  REQUIRE(f64s.value.kind == FLAME_F64_ARRAY);
  CHECK(f64s.value.as.f64s[0] == static_cast<double>(0.1F));
  const One empty("[u64]", json("[ ]"));
  CHECK(empty.value.kind == FLAME_U64_ARRAY);
  CHECK(empty.value.count == 0);
  const One optionals("[i64?]", json("[1,null]"));
  REQUIRE(optionals.value.kind == FLAME_ARRAY);
  CHECK(optionals.value.as.items[1].kind == FLAME_NULL);
  const One nested("[[string]]", json("[[],[\"a\",\"b\"]]"));
  CHECK(nested.value.as.items[0].count == 0);
  CHECK(nested.value.as.items[1].as.items[1].as.text == "b"s);
}

TEST_CASE("records come in the order of the signature") {
  const One record("{x: f64, name: string?, at: [{t: u8}]}", json("{\"at\":[{\"t\":7}],\"x\":1}"));
  REQUIRE(record.value.kind == FLAME_RECORD);
  REQUIRE(record.value.count == 3);
  CHECK(record.value.as.items[0].as.f64 == 1);
  CHECK(record.value.as.items[1].kind == FLAME_NULL);
  CHECK(record.value.as.items[2].as.items[0].as.items[0].as.u64 == 7);
  CHECK(One("{}", json("{}")).value.count == 0);
}

TEST_CASE("count: optional ones at the end may be left out") {
  CHECK(convert("(a: i64, b: i64?)", {word("1")}).values()[1].kind == FLAME_NULL);
  CHECK(convert("()", {}).values().empty());
  CHECK(refusal("(a: f64, b: f64)", {word("1")}) == "fn: takes 2 arguments (a: f64, b: f64), got 1");
  CHECK(refusal("(a: i64, b: i64?)", {}) == "fn: takes 1 to 2 arguments (a: i64, b: i64?), got 0");
  CHECK(refusal("(a: i64?, b: i64)", {word("1")}) == "fn: takes 2 arguments (a: i64?, b: i64), got 1");
  CHECK(refusal("(a: i64)", {word("1"), word("2")}) == "fn: takes 1 argument (a: i64), got 2");
  CHECK(refusal("()", {word("1")}) == "fn: takes 0 arguments, got 1");
}

TEST_CASE("all arguments in one JSON array") {
  const auto both = convert("(a: i64, b: string)", {all("[ 1 , \"x\" ]")});
  CHECK(both.values()[0].as.i64 == 1);
  CHECK(both.values()[1].as.text == "x"s);
  CHECK(convert("()", {all("[]")}).values().empty());
  CHECK(refusal("(a: i64)", {all("[1,2]")}) == "fn: takes 1 argument (a: i64), got 2");
  CHECK(refusal("(a: i64)", {all("{}")}) == "fn: the arguments are not a JSON array: it is not an array");
  CHECK(refusal("(a: i64)", {all("[1")}) ==
        "fn: the arguments are not a JSON array: it ends too early, at byte 2");
  CHECK(refusal("(a: i64)", {all("[1] 2")}).find("not a JSON array") != std::string::npos);
  CHECK(refusal("(a: i64, b: i64)", {word("1"), all("[2]")}).find("a list of arguments") !=
        std::string::npos);
}

TEST_CASE("a file is bytes, or the word of another parameter") {
  CHECK(One("bytes", file("\xFF"s)).text() == "\xFF");
  CHECK(One("string", file("text")).text() == "text");
  CHECK(One("[f64]", file("[1,2]\n")).value.count == 2);
}

TEST_CASE("errors name function, parameter, expected and given") {
  CHECK(refusal_of("f64", word("two")) == "fn: parameter 'a' wants f64, got 'two'");
  CHECK(refusal_of("bool", word("1")) == "fn: parameter 'a' wants bool, got '1'");
  CHECK(refusal_of("i8", word("128")) == "fn: parameter 'a' wants i8, got '128', which is out of range");
  CHECK(refusal_of("i8", word("-128")) == "accepted");
  CHECK(refusal_of("u8", word("256")) == "fn: parameter 'a' wants u8, got '256', which is out of range");
  CHECK(refusal_of("u16", json("65536")) ==
        "fn: parameter 'a' wants u16, got '65536', which is out of range");
  CHECK(refusal_of("u32", json("4294967295")) == "accepted");
  CHECK(refusal_of("i32", json("[2147483648]")) == "fn: parameter 'a' wants i32, got '[2147483648]'");
  CHECK(refusal_of("f32", word("1e39")) == "fn: parameter 'a' wants f32, got '1e39', which is out of range");
  CHECK(refusal_of("f64", json("1e400")) ==
        "fn: parameter 'a' wants f64, got '1e400', which is out of range");
  CHECK(refusal_of("i64", json("1.5")) == "fn: parameter 'a' wants i64, got '1.5'");
  CHECK(refusal_of("i64", json("\"NaN\"")) == "fn: parameter 'a' wants i64, got '\"NaN\"'");
  CHECK(refusal_of("i64", word("NaN")) == "fn: parameter 'a' wants i64, got 'NaN'");
  CHECK(refusal_of("f64", json("NaN")) ==
        "fn: parameter 'a' wants f64, got 'NaN', which is not JSON: no value at byte 0");
  CHECK(refusal_of("f64", json("\"nan\"")) == "fn: parameter 'a' wants f64, got '\"nan\"'");
  CHECK(refusal_of("i64", json("null")) == "fn: parameter 'a' wants i64, got 'null'");
  CHECK(refusal_of("string", word("a\xFF")) ==
        "fn: parameter 'a' wants string, got 'a\\xff', which is not valid UTF-8 at byte 1");
  CHECK(
      refusal_of("string", json("\"\xFF\"")) ==
      "fn: parameter 'a' wants string, got '\"\\xff\"', which is not JSON: it is not valid UTF-8 at byte 1");
  CHECK(refusal_of("string", json("\"\\ud800\"")).find("half a surrogate pair") != std::string::npos);
  CHECK(refusal_of("string", json("1")) == "fn: parameter 'a' wants string, got '1'");
  CHECK(refusal_of("bytes", json("\"AP8\"")) ==
        "fn: parameter 'a' wants bytes, got 'AP8', which is not base64");
  CHECK(refusal_of("json", word("[1,")) ==
        "fn: parameter 'a' wants json, got '[1,', which is not JSON: it ends too early, at byte 3");
  CHECK(refusal_of("[i64]", word("1")) == "fn: parameter 'a' wants [i64], got '1'");
  CHECK(refusal_of("[i64]", word("[1] x")).find("something follows the value, at byte 4") !=
        std::string::npos);
}

TEST_CASE("errors name the place inside an array or record") {
  CHECK(refusal_of("[i64]", json("[1, 2, 3.5]")) == "fn: parameter 'a[2]' wants i64, got '3.5'");
  CHECK(refusal_of("{p: [{x: u8}]}", json("{\"p\":[{\"x\":1},{\"x\":-1}]}")) ==
        "fn: parameter 'a.p[1].x' wants u8, got '-1', which is out of range");
  CHECK(refusal_of("{x: f64}", json("{}")) == "fn: parameter 'a' wants {x: f64}, got a record without 'x'");
  CHECK(refusal_of("{x: f64}", json("{\"x\":1,\"y\":2}")) ==
        "fn: parameter 'a' wants {x: f64}, got the unknown field 'y'");
  CHECK(refusal_of("{x: f64}", json("{\"x\":1,\"x\":2}")) ==
        "fn: parameter 'a' wants {x: f64}, got the field 'x' twice");
  CHECK(refusal_of("{x: f64}", json("[1]")) == "fn: parameter 'a' wants {x: f64}, got '[1]'");
  CHECK(refusal_of("{x: f64}", json("{\"x\":1,}")).find("not JSON") != std::string::npos);
}

TEST_CASE("a long or hostile text is cut and shown, not obeyed") {
  const std::string message = refusal_of("i64", word("\x1b[2J" + std::string(1000, 'x')));
  CHECK(message.size() < 200);
  CHECK(message.find("\\x1b[2J") != std::string::npos);
  const std::string accents = refusal_of("i64", word("x" + [] {
                                           std::string out;
                                           for (int i = 0; i < 100; ++i) out += "\xC3\xA9";
                                           return out;
                                         }()));
  CHECK(accents.find("\\x") == std::string::npos);
}

TEST_CASE("bytes behind the last argument, and a list that ends early, are the sender's fault") {
  std::string list;
  wire::append_argument(list, ArgumentKind::word, "1");
  const auto signature = wire::parse_signature("(a: i64)");
  CHECK_THROWS_AS(Arguments("fn", signature, 1, list + "x"), Error);
  CHECK_THROWS_AS(Arguments("fn", signature, 1, list.substr(0, list.size() - 1)), Error);
  CHECK_THROWS_AS(Arguments("fn", signature, 2, list), Error);
}

TEST_CASE("a call's body at the limit and one more") {
  const auto refusal_of_pieces = [](const std::vector<std::size_t>& sizes) -> std::string {
    KeptFrame frame{wire::FrameType::call, 0, 1, std::string(wire::kCallHeadBytes, 'h')};
    for (const std::size_t size : sizes) append_piece(frame, std::string(size, 'x'), 1000);
    CHECK(frame.body.size() <= wire::kCallHeadBytes + 1000);
    try {
      check_length(frame, 1000);
    } catch (const Error& error) {
      CHECK(error.kind == ErrorKind::limit);
      return error.message;
    }
    return "accepted";
  };
  CHECK(refusal_of_pieces({500, 500}) == "accepted");
  CHECK(refusal_of_pieces({500, 501}) == "the arguments take more than 1000 bytes");
  CHECK(refusal_of_pieces({1001, 1}) == "the arguments take more than 1000 bytes");
}
