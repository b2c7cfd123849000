#include "cli/options.hpp"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <utility>
#include <vector>

#include "base/text.hpp"

namespace flame::cli {
namespace {

constexpr std::size_t kHelpColumn = 25;  // where the longest left sides make room for

std::string left_side(const OptionSpec& option) {
  std::string out = option.letter != 0 ? std::string("-") + option.letter + ", --" : "--";
  out += option.name;
  if (option.value != nullptr) out += std::string(" ") + option.value;
  return out;
}

struct Row {
  std::string left;
  const char* right;
};

std::vector<Row> rows_of(std::span<const OptionSpec> options) {
  std::vector<Row> out;
  bool open = false;
  for (const OptionSpec& option : options) {
    if (!open) out.emplace_back();
    out.back().left += (open ? ", " : "") + left_side(option);
    out.back().right = option.row != nullptr ? option.row : option.help;
    open = option.row != nullptr && *option.row == 0;
  }
  return out;
}

void add_row(std::string& out, std::string left, const char* right, std::size_t column) {
  left.resize(std::max(left.size() + 2, column), ' ');
  out += "  " + left + right + "\n";
}

}  // namespace

std::string help_text(const CommandSpec& command) {
  std::string out = std::string("flame ") + command.name + " - " + command.summary + "\n\nUsage: flame " +
                    command.name + " " + command.usage + "\n\n";
  std::size_t column = 0;
  for (const VerbSpec& verb : command.verbs) column = std::max(column, std::strlen(verb.name) + 2);
  const std::vector<Row> options = rows_of(command.options);
  for (const Row& row : options) column = std::max(column, row.left.size() + 2);
  column = std::min(column, kHelpColumn);
  for (const VerbSpec& verb : command.verbs) add_row(out, verb.name, verb.help, column);
  if (!command.verbs.empty()) out += "\n";
  for (const Row& row : options) add_row(out, row.left, row.right, column);
  if (*command.notes != 0) out += std::string("\n") + command.notes + "\n";
  return out + "\nExample: " + command.example + "\n";
}

std::string near_hint(std::string_view word, const std::vector<std::string>& known, std::string otherwise) {
  const auto near = nearest(word, known);
  return near ? "did you mean '" + *near + "'?" : std::move(otherwise);
}

Error usage_error(const CommandSpec& command, const std::string& why) {
  return Error(ErrorKind::usage, std::string(command.name) + ": " + why,
               std::string("try 'flame ") + command.name + " --help'");
}

const OptionSpec* OptionReader::next() {
  value_ = nullptr;
  if (letters_ != nullptr && *letters_ != 0) return read_letter();
  if (at_ >= argc_ || ended_) return nullptr;
  const std::string_view word = argv_[at_];
  if (word.size() < 2 || word[0] != '-') return nullptr;
  ++at_;
  if (word == "--") {
    ended_ = true;
    return nullptr;
  }
  if (word[1] == '-') return read_long(word);
  letters_ = argv_[at_ - 1] + 1;
  return read_letter();
}

const OptionSpec* OptionReader::read_letter() {
  const char letter = *letters_++;
  for (const OptionSpec& option : command_.options) {
    if (option.letter != letter) continue;
    if (option.value == nullptr) return &option;
    if (*letters_ != 0) {  // -nVALUE
      value_ = std::exchange(letters_, nullptr);
      return &option;
    }
    return take_value(option, std::string("-") + letter);
  }
  throw usage_error(command_, std::string("unknown option '-") + letter + "'");
}

const OptionSpec* OptionReader::read_long(std::string_view word) {
  const std::size_t equals = word.find('=');
  const std::string_view name = word.substr(2, equals == std::string_view::npos ? equals : equals - 2);
  std::vector<std::string> known;
  for (const OptionSpec& option : command_.options) {
    known.push_back(std::string("--") + option.name);
    if (name != option.name) continue;
    if (equals == std::string_view::npos) return take_value(option, known.back());
    if (option.value == nullptr) throw usage_error(command_, "option '" + known.back() + "' takes no value");
    value_ = word.data() + equals + 1;
    return &option;
  }
  Error error = usage_error(command_, "unknown option '" + std::string(word) + "'");
  error.hint = near_hint("--" + std::string(name), known, error.hint);
  throw error;
}

const OptionSpec* OptionReader::take_value(const OptionSpec& option, const std::string& shown) {
  if (option.value == nullptr) return &option;
  if (at_ >= argc_) throw usage_error(command_, "option '" + shown + "' wants a value");
  value_ = argv_[at_++];
  return &option;
}

Deadline deadline_option(const CommandSpec& command, const char* where, const std::string& text) {
  const auto ms = parse_duration_ms(text);
  if (!ms)
    throw usage_error(command,
                      std::string(where) + " wants a duration such as 250ms, 30s or 5m, got '" + text + "'");
  return Deadline::from_remaining_ms(*ms);
}

int descriptor_option(const CommandSpec& command, const char* where, const char* text) {
  int value = -1;
  const char* const last = text + std::strlen(text);
  const auto [end, error] = std::from_chars(text, last, value);
  if (error != std::errc() || end != last || value < 0 || ::fcntl(value, F_GETFD) < 0)
    throw usage_error(command,
                      std::string(where) + " wants the number of an open descriptor, got '" + text + "'");
  return value;
}

}  // namespace flame::cli
