// The name of a detached call: 64 random bits, 13 letters and digits to people.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace flame::client {

std::uint64_t new_call_id();  // never 0
// Lower case, without i, l, o and u.
std::string call_id_text(std::uint64_t id);
// What call_id_text gives; i and l are read as 1, o as 0, capitals as small.
std::optional<std::uint64_t> read_call_id(std::string_view text);
// The beginning of one, as read_call_id reads it; nullopt when no id can begin so.
std::optional<std::string> read_call_id_prefix(std::string_view text);

}  // namespace flame::client
