// Hints: how runners were last reached. Advice, never truth: whoever finds one wrong drops it.
// One 0600 file per runner, HINTS/BACKEND.POOL/NAME, of lines "key value".
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "client/pool/machine.hpp"

namespace flame::client {

class Hints {
 public:
  explicit Hints(std::string directory) : directory_(std::move(directory)) {}

  // Of this generation, by name. What cannot be read, or is not ours alone, is passed over.
  std::vector<Runner> read(const std::string& generation) const;
  // The one of this name, of any generation.
  std::optional<Runner> find(const std::string& name) const;
  // Both ignore failures: a hint that is missing costs time and nothing else.
  void write(const Runner& runner) const noexcept;
  void drop(const std::string& name) const noexcept;

 private:
  std::string directory_;
};

}  // namespace flame::client
