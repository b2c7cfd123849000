// A question before something is destroyed.
#pragma once
#include <string>

namespace flame::cli {

// True where nobody can be asked: there the command itself is the word.
bool confirmed(const std::string& question);

}  // namespace flame::cli
