// Text that comes from elsewhere: checked, escaped, compared.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace flame {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool valid_utf8(std::string_view text);
// Byte offset of the first invalid sequence; nullopt when all is valid.
std::optional<std::size_t> first_invalid_utf8(std::string_view text);

// Makes text safe for a terminal: control characters (C0 but newline and tab if keep_lines, DEL, C1) and
// invalid UTF-8 become \xNN, so that remote text is shown and never obeyed.
std::string printable(std::string_view text, bool keep_lines = false);

// The candidate nearest to word by edit distance, if near enough to be what was meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

std::string hex(std::string_view bytes);                     // lower case
std::optional<std::string> from_hex(std::string_view text);  // even length, 0-9 a-f A-F

std::string base64(std::string_view bytes);                     // RFC 4648, padded
std::optional<std::string> from_base64(std::string_view text);  // strict: padding required, no white space

// "250ms" "30s" "5m" "2h" "1d", or a bare number of seconds ("1.5"). nullopt when it is none of these.
std::optional<std::uint64_t> parse_duration_ms(std::string_view text);
// "64K" "256M" "1G" "512" in powers of 1024; an optional final B or iB.
std::optional<std::uint64_t> parse_size_bytes(std::string_view text);
// A duration as people read it: "12 ms", "3.4 s", "5 min".
std::string human_duration(std::uint64_t ms);

}  // namespace flame
