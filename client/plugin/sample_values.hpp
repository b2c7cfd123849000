// Values for calls that nobody asked for: one that a type takes, one that it refuses. As JSON.
#pragma once
#include <optional>
#include <string>

#include "wire/signature.hpp"

namespace flame::client {

std::string sample_value(const wire::Type& type);
// A value of another type; nullopt for json, which takes everything.
std::optional<std::string> wrong_value(const wire::Type& type);
// "[1,\"flame\"]" for all parameters; with `wrong_at` that one gets its wrong value.
std::string sample_arguments(const wire::Signature& signature,
                             std::optional<std::size_t> wrong_at = std::nullopt);

}  // namespace flame::client
