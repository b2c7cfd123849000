// Options of commands that have few, mixed with operands.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "cli/options.hpp"

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

// Throws Error(usage) that names the nearest option.
SimpleOptions parse_simple(const CommandSpec& command, int argc, char** argv);

}  // namespace flame::cli
