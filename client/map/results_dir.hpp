// --results DIR: a file for each item, named by its number, whole or not there.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace flame::client {

class ResultsDir {
 public:
  explicit ResultsDir(const std::string& path);  // made if it is not there. Throws Error(system).
  void put(std::uint64_t number, std::string_view content);

 private:
  std::string path_;
  UniqueFd directory_;
};

}  // namespace flame::client
