#include "base/text.hpp"

#include <doctest/doctest.h>

using namespace flame;
using namespace std::string_literals;

TEST_CASE("UTF-8 is RFC 3629's") {
  CHECK(valid_utf8("plain, \xC3\xA9, \xE2\x82\xAC, \xF0\x9F\x94\xA5"));
  CHECK(first_invalid_utf8("ab\xC0\x80") == 2);          // overlong
  CHECK_FALSE(valid_utf8("\xED\xA0\x80"));               // surrogate
  CHECK_FALSE(valid_utf8("\xF4\x90\x80\x80"));           // above U+10FFFF
  CHECK_FALSE(valid_utf8("\xE2\x82"));                   // cut short
  for (std::size_t before = 0; before < 20; ++before) {  // wherever it lies in the words that are looked at
    const std::string text = std::string(before, 'a') + "\xC3\xA9" + std::string(before, 'b');
    CHECK(valid_utf8(text));
    CHECK(first_invalid_utf8(text + "\xE2\x82 then 8 more") == text.size());
  }
}

TEST_CASE("remote text is shown, not obeyed") {
  CHECK(printable("a\x1b[2Jb") == "a\\x1b[2Jb");
  CHECK(printable("\x9b"
                  "31m") == "\\x9b31m");
  CHECK(printable("\xC2\x9B"
                  "31m") == "\\xc2\\x9b31m");
  CHECK(printable("one\ntwo") == "one\\x0atwo");
  CHECK(printable("one\ntwo", true) == "one\ntwo");
  CHECK(printable("caf\xC3\xA9") == "caf\xC3\xA9");
}

TEST_CASE("base64 has one text for one value") {
  for (const std::string& plain : {""s, "f"s, "fo"s, "foo"s, "\0\xFF\x80"s})
    CHECK(from_base64(base64(plain)) == plain);
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK_FALSE(from_base64("Zm9vYh=="));  // unused bits set
  CHECK_FALSE(from_base64("Zm9"));
  CHECK_FALSE(from_base64("Z=9v"));
  CHECK_FALSE(from_base64("===="));
}

TEST_CASE("hex") {
  CHECK(hex("\x01\xFF") == "01ff");
  CHECK(from_hex("01fF") == "\x01\xFF"s);
  CHECK_FALSE(from_hex("0"));
  CHECK_FALSE(from_hex("0g"));
}

TEST_CASE("durations and sizes") {
  CHECK(parse_duration_ms("250ms") == 250);
  CHECK(parse_duration_ms("1.5") == 1500);
  CHECK(parse_duration_ms("2h") == 7'200'000);
  for (const char* bad : {"", "ms", "-1", "1 s", "1w", "nan", "1e400"}) CHECK_FALSE(parse_duration_ms(bad));
  CHECK(parse_size_bytes("64K") == 65536);
  CHECK(parse_size_bytes("1GiB") == 1ULL << 30);
  CHECK_FALSE(parse_size_bytes("12Q"));
}

TEST_CASE("the nearest word, if near") {
  CHECK(nearest("ad", {"add", "mul"}) == "add");
  CHECK(nearest("is_prim", {"is_prime", "fib"}) == "is_prime");
  CHECK_FALSE(nearest("thumbnail", {"add", "mul"}));
}
