// The environment of one bind's calls, ready to be put in place of whatever the last call left.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace flame::worker {

class Environment {
 public:
  Environment();
  void set(std::string_view name, std::string_view value);
  // Makes it the process's own. A plugin may change that one at will: it is a copy, made anew for each call.
  void put_in_place();

 private:
  std::vector<std::string> lines_;  // "NAME=value"
  std::vector<char*> live_;
};

}  // namespace flame::worker
