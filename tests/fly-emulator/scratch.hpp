// The emulator's own directory, locked while it lives; what a killed emulator left is swept.
#pragma once
#include <string>

#include "base/fd.hpp"

namespace flame::fly {

class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  UniqueFd lock_;
};

}  // namespace flame::fly
