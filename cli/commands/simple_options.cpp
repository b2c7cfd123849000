#include "cli/commands/simple_options.hpp"

namespace flame::cli {

SimpleOptions parse_simple(const CommandSpec& command, int argc, char** argv) {
  SimpleOptions out;
  OptionReader reader(command, argc, argv);
  for (;;) {
    while (const OptionSpec* option = reader.next())
      out.given[std::string("--") + option->name] = reader.value() != nullptr ? reader.value() : "";
    const char* word = reader.operand();
    if (word == nullptr) return out;
    out.operands.emplace_back(word);
  }
}

}  // namespace flame::cli
