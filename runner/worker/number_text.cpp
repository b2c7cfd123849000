#include "runner/worker/number_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

namespace flame::worker {
namespace {

// A decimal number taken apart: ±0.DIGITS × 10^point, without zeros at either end of the digits.
struct Decimal {
  bool negative = false;
  std::string digits;
  std::int64_t point = 0;
};

// nullopt-like: false when text is no JSON number (zeros in front are allowed).
bool take_apart(std::string_view text, Decimal& out) {
  const auto take_digits = [&](std::string& to) {
    const auto end = std::find_if_not(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const auto size = static_cast<std::size_t>(end - text.begin());
    to += text.substr(0, size);
    text.remove_prefix(size);
    return size;
  };
  if (text.starts_with('-')) out.negative = true, text.remove_prefix(1);
  const std::size_t whole = take_digits(out.digits);
  if (whole == 0) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    if (take_digits(out.digits) == 0) return false;
  }
  std::int64_t exponent = 0;
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    const bool down = text.starts_with('-');
    if (down || text.starts_with('+')) text.remove_prefix(1);
    std::string digits;
    if (take_digits(digits) == 0) return false;
    const auto [end, why] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    constexpr std::int64_t far = 1'000'000'000'000;  // no text is long enough to bring it back
    if (why != std::errc() || exponent > far) exponent = far;
    if (down) exponent = -exponent;
  }
  const std::size_t zeros = std::min(out.digits.find_first_not_of('0'), out.digits.size());
  out.point = static_cast<std::int64_t>(whole) - static_cast<std::int64_t>(zeros) + exponent;
  out.digits.erase(0, zeros);
  out.digits.erase(out.digits.find_last_not_of('0') + 1);
  return text.empty();
}

template <class Integer>
NumberFault read_integer(std::string_view text, Integer& out) {
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool all = end == text.data() + text.size();
  if (all && why == std::errc()) return NumberFault::none;
  Decimal number;
  if (!take_apart(text, number)) return NumberFault::malformed;
  if (number.digits.empty()) {
    out = 0;
    return NumberFault::none;
  }
  if (number.point < static_cast<std::int64_t>(number.digits.size()))
    return NumberFault::malformed;  // a fraction
  if (number.point > 20) return NumberFault::out_of_range;
  std::string plain = (number.negative ? "-" : "") + number.digits;
  plain.append(static_cast<std::size_t>(number.point) - number.digits.size(), '0');
  const auto [plain_end, range] = std::from_chars(plain.data(), plain.data() + plain.size(), out);
  return range == std::errc() && plain_end == plain.data() + plain.size() ? NumberFault::none
                                                                          : NumberFault::out_of_range;
}

bool read_word(std::string_view text, double& out) {
  const bool negative = text.starts_with('-');
  std::string word(text.substr(negative ? 1 : 0));
  for (char& c : word) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  if (word == "nan")
    out = std::numeric_limits<double>::quiet_NaN();
  else if (word == "inf" || word == "infinity")
    out = std::numeric_limits<double>::infinity();
  else
    return false;
  if (negative) out = -out;
  return true;
}

// digits × 10^(point - count), laid out as ECMAScript's Number::toString does.
void append_digits(std::string& out, std::string_view digits, int point) {
  const int count = static_cast<int>(digits.size());
  const auto zeros = [](int n) { return static_cast<std::size_t>(n); };
  if (point >= count && point <= 21) {
    out.append(digits).append(zeros(point - count), '0');
  } else if (point > 0 && point <= 21) {
    out.append(digits.substr(0, zeros(point))).append(".").append(digits.substr(zeros(point)));
  } else if (point > -6 && point <= 0) {
    out.append("0.").append(zeros(-point), '0').append(digits);
  } else {
    out += digits[0];
    if (count > 1) out.append(".").append(digits.substr(1));
    out.append(point > 0 ? "e+" : "e-").append(std::to_string(std::abs(point - 1)));
  }
}

template <class Real>
void append_real(std::string& out, Real value) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else if (value == 0) {
    out += '0';  // JavaScript prints -0 as 0
  } else {
    std::array<char, 32> buffer{};  // -d.ddddde-ddd
    char* const end =
        std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific).ptr;
    char* first = buffer.data();
    if (*first == '-') out += *first++;
    char* const e = std::find(first, end, 'e');
    int exponent = 0;
    std::from_chars(e + (e[1] == '+' ? 2 : 1), end, exponent);
    std::size_t count = static_cast<std::size_t>(e - first);
    if (count > 1) {  // over the point
      first[1] = first[0];
      ++first;
      --count;
    }
    append_digits(out, {first, count}, exponent + 1);
  }
}

}  // namespace

NumberFault read_i64(std::string_view text, std::int64_t& out) { return read_integer(text, out); }
NumberFault read_u64(std::string_view text, std::uint64_t& out) { return read_integer(text, out); }

NumberFault read_f64(std::string_view text, bool words, double& out) {
  if (words && read_word(text, out)) return NumberFault::none;
  const char* const last = text.data() + text.size();
  const auto [end, why] = std::from_chars(text.data(), last, out);
  if (why == std::errc() && end == last && std::isfinite(out)) return NumberFault::none;
  if (why != std::errc::result_out_of_range) return NumberFault::malformed;
  Decimal number;
  if (!take_apart(text, number)) return NumberFault::malformed;
  if (number.point > 0) return NumberFault::out_of_range;
  out = number.negative ? -0.0 : 0.0;
  return NumberFault::none;
}

void append_number(std::string& out, double value) { append_real(out, value); }
void append_number(std::string& out, float value) { append_real(out, value); }

}  // namespace flame::worker
