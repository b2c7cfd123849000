// One table per command, from which its parser, its --help and its completions come.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace flame::cli {

struct OptionSpec {
  int id;             // the command's own
  const char* name;   // "timeout" for --timeout
  char letter;        // 'n' for -n; 0: none
  const char* value;  // "DURATION", "[=VALUE]" shapes too; nullptr: a flag
  const char* help;   // one line
  // What --help says where options share a row: kWithNext for all but the last of them. nullptr: its own row.
  const char* row = nullptr;
};
inline constexpr char kWithNext[] = "";

struct VerbSpec {
  const char* name;
  const char* help;
};

struct CommandSpec {
  const char* name;
  const char* summary;
  const char* usage;  // what follows "flame NAME"
  std::span<const OptionSpec> options;
  std::span<const VerbSpec> verbs;
  const char* notes;  // under the options; may be empty
  const char* example;
};

std::string help_text(const CommandSpec& command);

// Reads argv as POSIX and GNU do: -abc, -nVALUE, --name VALUE, --name=VALUE; -- ends the options.
class OptionReader {
 public:
  OptionReader(const CommandSpec& command, int argc, char** argv)
      : command_(command), argc_(argc), argv_(argv) {}

  // The next option; nullptr at an operand or the end. Throws Error(usage) that names the nearest.
  const OptionSpec* next();
  const char* value() const { return value_; }  // of the option that next() gave, if it takes one
  // The operand at which next() stopped, or nullptr at the end. Options may follow it.
  const char* operand() { return at_ < argc_ ? argv_[at_++] : nullptr; }
  int index() const { return at_; }  // of the first word that was not read

 private:
  const OptionSpec* read_long(std::string_view word);
  const OptionSpec* read_letter();
  const OptionSpec* take_value(const OptionSpec& option, const std::string& shown);

  const CommandSpec& command_;
  int argc_;
  char** argv_;
  int at_ = 1;
  const char* letters_ = nullptr;  // what is left of a -abc
  const char* value_ = nullptr;
  bool ended_ = false;  // by --
};

// "run: why" with "try 'flame run --help'".
Error usage_error(const CommandSpec& command, const std::string& why);
// Values: a duration from now; the number of an open descriptor. where: "--timeout". Throw Error(usage).
Deadline deadline_option(const CommandSpec& command, const char* where, const std::string& text);
int descriptor_option(const CommandSpec& command, const char* where, const char* text);
// "did you mean 'x'?", or what to try.
std::string near_hint(std::string_view word, const std::vector<std::string>& known, std::string otherwise);

}  // namespace flame::cli
