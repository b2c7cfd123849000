// Numbers from text and to text, exactly.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace flame::worker {

enum class NumberFault : std::uint8_t { none, malformed, out_of_range };

// Decimal digits, or any JSON number whose value is whole: 1.0 and 1e3 are integers, 0.5 is none.
NumberFault read_i64(std::string_view text, std::int64_t& out);
NumberFault read_u64(std::string_view text, std::uint64_t& out);
// The nearest double. What is too large is out of range and never infinite; what is too small is 0. The words
// nan, inf and infinity, in any case and with a sign, are numbers if words are allowed.
NumberFault read_f64(std::string_view text, bool words, double& out);

// As JavaScript prints it: the shortest digits that read back the same; NaN and the infinities as JSON
// strings.
void append_number(std::string& out, double value);
void append_number(std::string& out, float value);

}  // namespace flame::worker
