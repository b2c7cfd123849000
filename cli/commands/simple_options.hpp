// Options of commands that have few: "--name", "--name VALUE", "--name=VALUE", mixed with operands; "--" ends
// them.
#pragma once
#include <map>
#include <string>
#include <vector>

namespace flame::cli {

struct SimpleOptions {
  std::map<std::string, std::string> given;  // "--json" → "", "--against" → its value
  std::vector<std::string> operands;

  bool has(const std::string& name) const { return given.count(name) != 0; }
  std::string value(const std::string& name) const {
    const auto at = given.find(name);
    return at == given.end() ? std::string() : at->second;
  }
};

// Throws Error(usage) that names the nearest option. --help is always known.
SimpleOptions parse_simple(const std::string& command, int argc, char** argv,
                           const std::vector<std::string>& flags, const std::vector<std::string>& valued);

}  // namespace flame::cli
