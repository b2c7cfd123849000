#include "runner/worker/number_text.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

using namespace flame::worker;

namespace {
template <class Value>
std::string printed(Value value) {
  std::string out;
  append_number(out, value);
  return out;
}
double f64(std::string_view text) {
  double value = 12345;
  CHECK_MESSAGE(read_f64(text, false, value) == NumberFault::none, text);
  return value;
}
std::int64_t i64(std::string_view text) {
  std::int64_t value = 12345;
  CHECK_MESSAGE(read_i64(text, value) == NumberFault::none, text);
  return value;
}
NumberFault fault_i64(std::string_view text) {
  std::int64_t value = 0;
  return read_i64(text, value);
}
NumberFault fault_u64(std::string_view text) {
  std::uint64_t value = 0;
  return read_u64(text, value);
}
NumberFault fault_f64(std::string_view text, bool words) {
  double value = 0;
  return read_f64(text, words, value);
}
}  // namespace

TEST_CASE("numbers print as JavaScript prints them") {
  CHECK(printed(120.0) == "120");
  CHECK(printed(0.1) == "0.1");
  CHECK(printed(-0.0) == "0");
  CHECK(printed(1e20) == "100000000000000000000");
  CHECK(printed(123456789012345680000.0) == "123456789012345680000");
  CHECK(printed(1e21) == "1e+21");
  CHECK(printed(1.5e300) == "1.5e+300");
  CHECK(printed(1e-6) == "0.000001");
  CHECK(printed(1e-7) == "1e-7");
  CHECK(printed(-1.25e-9) == "-1.25e-9");
  CHECK(printed(123.456) == "123.456");
  CHECK(printed(5e-324) == "5e-324");
  CHECK(printed(std::numeric_limits<double>::max()) == "1.7976931348623157e+308");
  CHECK(printed(9007199254740993.0) == "9007199254740992");
  CHECK(printed(std::nan("")) == "\"NaN\"");
  CHECK(printed(-std::numeric_limits<double>::infinity()) == "\"-Infinity\"");
  CHECK(printed(0.1F) == "0.1");
  CHECK(printed(16777216.0F) == "16777216");
  CHECK(printed(3.4028235e38F) == "3.4028235e+38");
}

TEST_CASE("what is printed reads back as the same bits") {
  std::uint64_t state = 42;
  for (int i = 0; i < 20'000; ++i) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    double value;
    static_assert(sizeof value == sizeof state);
    std::memcpy(&value, &state, sizeof value);
    if (!std::isfinite(value)) continue;
    REQUIRE(f64(printed(value)) == value);
  }
}

TEST_CASE("doubles: nearest, never infinite by size, too small is 0") {
  CHECK(f64("0.1") == 0.1);
  CHECK(f64("9007199254740993") == 9007199254740992.0);
  CHECK(f64("1.7976931348623157e308") == std::numeric_limits<double>::max());
  CHECK(f64("1e-400") == 0);
  CHECK(std::signbit(f64("-1e-400")));
  CHECK(std::signbit(f64("-0")));
  CHECK(f64("0e999999999999999999999") == 0);
  CHECK(f64("0.00000000000000000000000000001e29") == 1);
  CHECK(fault_f64("1e400", true) == NumberFault::out_of_range);
  CHECK(fault_f64("-1e309", true) == NumberFault::out_of_range);
  CHECK(fault_f64("1e99999999999999999999", true) == NumberFault::out_of_range);
  for (const char* bad : {"", " 1", "1 ", "+1", "1,5", "0x10", "one", "1e", "--1", "nan(1)", "1.5.2"})
    CHECK_MESSAGE(fault_f64(bad, true) == NumberFault::malformed, bad);
}

TEST_CASE("nan and the infinities are words") {
  double value = 0;
  for (const char* word : {"NaN", "nan", "-nan"}) {
    CHECK(read_f64(word, true, value) == NumberFault::none);
    CHECK(std::isnan(value));
  }
  for (const char* word : {"inf", "Infinity", "INF"}) {
    CHECK(read_f64(word, true, value) == NumberFault::none);
    CHECK(value == std::numeric_limits<double>::infinity());
  }
  CHECK(read_f64("-Infinity", true, value) == NumberFault::none);
  CHECK(value == -std::numeric_limits<double>::infinity());
  for (const char* word : {"NaN", "inf", "-Infinity"})
    CHECK(fault_f64(word, false) == NumberFault::malformed);
}

TEST_CASE("integers: whole numbers however they are written, to the last one") {
  CHECK(i64("9223372036854775807") == std::numeric_limits<std::int64_t>::max());
  CHECK(i64("-9223372036854775808") == std::numeric_limits<std::int64_t>::min());
  CHECK(fault_i64("9223372036854775808") == NumberFault::out_of_range);
  CHECK(fault_i64("-9223372036854775809") == NumberFault::out_of_range);
  CHECK(fault_u64("18446744073709551615") == NumberFault::none);
  CHECK(fault_u64("18446744073709551616") == NumberFault::out_of_range);
  CHECK(fault_u64("-1") == NumberFault::out_of_range);
  CHECK(i64("1.0") == 1);
  CHECK(i64("1e3") == 1000);
  CHECK(i64("1.5e1") == 15);
  CHECK(i64("9223372036854775807.000") == std::numeric_limits<std::int64_t>::max());
  CHECK(i64("922337203685477580.7E+1") == std::numeric_limits<std::int64_t>::max());
  CHECK(i64("100e-2") == 1);
  CHECK(i64("007") == 7);
  CHECK(i64("-0") == 0);
  CHECK(i64("-0.0") == 0);
  CHECK(i64("0e99999999999999999999") == 0);
  CHECK(fault_u64("-0.0") == NumberFault::none);
  CHECK(fault_i64("1e99999999999999999999") == NumberFault::out_of_range);
  for (const char* bad : {"", "1.5", "1e-1", "1e-99999999999999999999", "0x1", "one", " 1", "1 ", "+1", "NaN",
                          "1.", ".5", "1e"})
    CHECK_MESSAGE(fault_i64(bad) == NumberFault::malformed, bad);
}
