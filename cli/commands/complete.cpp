// flame __complete WORD…: what could stand in the place of the last word, for the shells' completion scripts,
// which are thin. A line each: a word, a tab, what it is; or ":files PREFIX" for PREFIX and the name of a
// file, or ":hint TEXT" for what is wanted there. Never an error: a completion that cannot be made is none.
#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"
#include "client/calls/call_id.hpp"
#include "client/calls/call_records.hpp"
#include "client/config/config.hpp"
#include "client/plugin/check.hpp"
#include "wire/signature.hpp"

namespace flame::cli {
namespace {

// A plugin or a flame.toml may come from anywhere, and a shell puts a candidate on its line as it is.
bool is_harmless(std::string_view word) {
  return !word.empty() && word.find_first_not_of(
                              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                              "_-+=./:,@%") == std::string_view::npos;
}

class Candidates {
 public:
  explicit Candidates(std::string word) : word_(std::move(word)) {}

  void add(const std::string& word, const std::string& what = "") {
    if (word.starts_with(word_) && is_harmless(word) && word[0] != ':')
      out_ += word + "\t" + printable(what.substr(0, what.find('\n'))) + "\n";
  }
  void add_files(const std::string& prefix = "") { out_ += ":files " + prefix + "\n"; }
  void hint(const std::string& text) { out_ += ":hint " + printable(text) + "\n"; }
  const std::string& word() const { return word_; }
  const std::string& text() const { return out_; }

 private:
  std::string word_, out_;
};

void add_commands(Candidates& out) {
  for (const Command& command : commands())
    if (command.name[0] != '_') out.add(command.name, command.summary);
  out.add("help", "what a command does");
  out.add("version", "the version of flame");
}

const CommandSpec* spec_of(const std::string& name) {
  for (const Command& command : commands())
    if (name == command.name) return command.spec;
  return nullptr;
}

// What the words before the last one leave open.
struct Place {
  std::vector<std::string> operands;
  const OptionSpec* value_of = nullptr;  // the last word is this option's value
  bool options_over = false;
};

// All words behind FUNCTION are the function's own.
bool calls_a_function(const CommandSpec& spec) {
  return std::strstr(spec.usage, "PLUGIN FUNCTION") != nullptr;
}

const OptionSpec* long_option(const CommandSpec& spec, std::string_view name) {
  for (const OptionSpec& option : spec.options)
    if (name == option.name) return &option;
  return nullptr;
}

// The option of "-abc" that wants the next word.
const OptionSpec* open_letter(const CommandSpec& spec, std::string_view letters) {
  for (std::size_t i = 0; i < letters.size(); ++i)
    for (const OptionSpec& option : spec.options)
      if (option.letter == letters[i] && option.value != nullptr)
        return i + 1 == letters.size() ? &option : nullptr;
  return nullptr;
}

Place place_after(const CommandSpec& spec, const std::vector<std::string>& words) {
  Place out;
  for (const std::string& word : words) {
    if (out.value_of != nullptr) {
      out.value_of = nullptr;
    } else if (out.options_over || word.size() < 2 || word[0] != '-') {
      out.operands.push_back(word);
      out.options_over = out.options_over || calls_a_function(spec);
    } else if (word == "--") {
      out.options_over = true;
    } else if (word[1] == '-') {
      out.value_of = long_option(spec, word.substr(2));
      if (out.value_of != nullptr && out.value_of->value == nullptr) out.value_of = nullptr;
    } else {
      out.value_of = open_letter(spec, word.substr(1));
    }
  }
  return out;
}

void add_value(const OptionSpec& option, const std::string& prefix, Candidates& out) {
  const std::string name = option.name, value = option.value;
  if (name == "pool") {
    for (const std::string& pool : client::pool_names()) out.add(prefix + pool);
  } else if (name == "against") {
    for (const std::string& base : client::base_names()) out.add(prefix + base, "base image");
    out.add_files(prefix);
  } else if (value == "FILE" || value == "DIR") {
    out.add_files(prefix);
  } else {
    out.hint(value + ": " + option.help);
  }
}

void add_options(const CommandSpec& spec, Candidates& out) {
  const std::string& word = out.word();
  const std::size_t equals = word.find('=');
  if (equals == std::string::npos) {
    for (const OptionSpec& option : spec.options) out.add(std::string("--") + option.name, option.help);
    return;
  }
  if (!word.starts_with("--")) return;
  const OptionSpec* option = long_option(spec, std::string_view(word).substr(2, equals - 2));
  if (option != nullptr && option->value != nullptr) add_value(*option, word.substr(0, equals + 1), out);
}

client::OpenPlugin plugin_of(const std::string& word) {
  const char* home = std::getenv("HOME");
  return client::open_plugin(word.starts_with("~/") && home != nullptr ? home + word.substr(1) : word);
}

void add_functions(const client::Manifest& manifest, Candidates& out) {
  for (const auto& one : manifest.functions)
    out.add(one.name, one.signature + (one.doc.empty() ? "" : "  " + one.doc));
}

void add_argument(const client::Manifest& manifest, const std::string& function, std::size_t at,
                  Candidates& out) {
  for (const auto& one : manifest.functions) {
    if (one.name != function) continue;
    const auto signature = wire::parse_signature(one.signature);
    if (at >= signature.parameters.size()) return;
    const auto& parameter = signature.parameters[at];
    out.hint(parameter.name + ": " + wire::to_string(parameter.type));
    if (parameter.type.kind == wire::Kind::boolean)
      for (const char* word : {"true", "false"}) out.add(word);
    if (parameter.type.kind == wire::Kind::bytes && (out.word().empty() || out.word()[0] == '@'))
      out.add_files("@");
  }
}

void add_call_ids(Candidates& out) {
  for (const client::CallRecord& record : client::CallRecords().all())
    out.add(client::call_id_text(record.id),
            record.function + " of " + record.plugin.substr(record.plugin.rfind('/') + 1));
}

void add_operand(const CommandSpec& spec, const std::vector<std::string>& before, Candidates& out) {
  if (!spec.verbs.empty()) {
    if (before.empty())
      for (const VerbSpec& verb : spec.verbs) out.add(verb.name, verb.help);
  } else if (std::string_view(spec.usage).ends_with("ID")) {
    if (before.empty()) add_call_ids(out);
  } else if (before.empty() || !calls_a_function(spec)) {
    out.add_files();
  } else if (const client::OpenPlugin plugin = plugin_of(before[0]); plugin.manifest) {
    if (before.size() == 1)
      add_functions(*plugin.manifest, out);
    else
      add_argument(*plugin.manifest, before[1], before.size() - 2, out);
  }
}

void complete(const std::vector<std::string>& before, Candidates& out) {
  if (before.empty() || (before.size() == 1 && before[0] == "help")) return add_commands(out);
  const CommandSpec* spec = spec_of(before[0]);
  if (spec == nullptr) return;
  const Place place = place_after(*spec, {before.begin() + 1, before.end()});
  if (place.value_of != nullptr)
    add_value(*place.value_of, "", out);
  else if (!place.options_over && out.word().starts_with('-'))
    add_options(*spec, out);
  else
    add_operand(*spec, place.operands, out);
}

}  // namespace

int complete_command(int argc, char** argv) {
  if (argc < 2) return 0;
  Candidates out(argv[argc - 1]);
  try {
    complete({argv + 1, argv + argc - 1}, out);
  } catch (const Error&) {
    return 0;
  }
  print(out.text());
  return 0;
}

}  // namespace flame::cli
