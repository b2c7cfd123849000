// Completions, made from the same tables as parser and help.
#include <string>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"

namespace flame::cli {
namespace {

enum Id { help };
constexpr OptionSpec kOptions[] = {{help, "help", 'h', nullptr, "this text"}};
constexpr VerbSpec kVerbs[] = {
    {"bash", "source <(flame completion bash)"},
    {"zsh", "flame completion zsh >a directory of $fpath/_flame"},
    {"fish", "flame completion fish | source"},
};

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

std::vector<std::string> command_names() {
  std::vector<std::string> out;
  for (const Command& command : commands())
    if (command.name[0] != '_') out.emplace_back(command.name);
  out.emplace_back("help");
  return out;
}

std::vector<std::string> option_names(const Command& command) {
  if (command.spec == nullptr) return {"--help"};
  std::vector<std::string> out;
  for (const OptionSpec& option : command.spec->options) out.push_back(std::string("--") + option.name);
  return out;
}

std::string for_bash() {
  std::string out =
      "# bash completion for flame\n"
      "_flame() {\n"
      "  local word=${COMP_WORDS[COMP_CWORD]} options='' verbs=''\n"
      "  if [ \"$COMP_CWORD\" -eq 1 ] || { [ \"$COMP_CWORD\" -eq 2 ] && [ \"${COMP_WORDS[1]}\" = help ]; }; "
      "then\n"
      "    COMPREPLY=($(compgen -W '" +
      joined(command_names()) +
      "' -- \"$word\"))\n"
      "    return\n"
      "  fi\n"
      "  case ${COMP_WORDS[1]} in\n";
  for (const Command& command : commands()) {
    std::vector<std::string> verbs;
    if (command.spec != nullptr)
      for (const VerbSpec& verb : command.spec->verbs) verbs.emplace_back(verb.name);
    out += std::string("    ") + command.name + ") options='" + joined(option_names(command)) + "' verbs='" +
           joined(verbs) + "' ;;\n";
  }
  return out +
         "  esac\n"
         "  case $word in\n"
         "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
         "    *) [ -z \"$verbs\" ] || [ \"$COMP_CWORD\" -ne 2 ] || COMPREPLY=($(compgen -W \"$verbs\" -- "
         "\"$word\")) ;;\n"
         "  esac\n"
         "}\n"
         "complete -o default -F _flame flame\n";
}

// For single quotes, in zsh where : [ ] separate a word from its description too.
std::string zsh_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else if (c == ':' || c == '[' || c == ']')
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

std::string for_zsh() {
  std::string out =
      "#compdef flame\n"
      "_flame() {\n"
      "  local -a words_of\n"
      "  if (( CURRENT == 2 )); then\n"
      "    words_of=(\n";
  for (const Command& command : commands())
    if (command.name[0] != '_')
      out += std::string("      '") + command.name + ":" + zsh_quoted(command.summary) + "'\n";
  out +=
      "    )\n"
      "    _describe command words_of\n"
      "    return\n"
      "  fi\n"
      "  local command=${words[2]}\n"
      "  shift words; (( CURRENT-- ))\n"
      "  case $command in\n";
  for (const Command& command : commands()) {
    if (command.spec == nullptr) continue;
    out += std::string("    ") + command.name + ")\n      _arguments";
    for (const OptionSpec& option : command.spec->options)
      out += std::string(" \\\n        '--") + option.name + (option.value != nullptr ? "=" : "") + "[" +
             zsh_quoted(option.help) + "]" +
             (option.value != nullptr ? ":" + zsh_quoted(option.value) + ":" : "") + "'";
    std::vector<std::string> verbs;
    for (const VerbSpec& verb : command.spec->verbs) verbs.emplace_back(verb.name);
    if (!verbs.empty()) out += " \\\n        '1:verb:(" + joined(verbs) + ")'";
    out += " \\\n        '*:file:_files' ;;\n";
  }
  return out +
         "    *) _files ;;\n"
         "  esac\n"
         "}\n"
         "_flame \"$@\"\n";
}

std::string fish_quoted(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? "\\'" : std::string(1, c);
  return out;
}

std::string for_fish() {
  std::string out = "# fish completion for flame\n";
  for (const Command& command : commands()) {
    const std::string name = command.name;
    if (name.starts_with("_")) continue;
    out += "complete -c flame -n __fish_use_subcommand -f -a " + name + " -d '" +
           fish_quoted(command.summary) + "'\n";
    if (command.spec == nullptr) continue;
    const std::string when = "complete -c flame -n '__fish_seen_subcommand_from " + name + "'";
    for (const VerbSpec& verb : command.spec->verbs)
      out += when + " -f -a " + verb.name + " -d '" + fish_quoted(verb.help) + "'\n";
    for (const OptionSpec& option : command.spec->options) {
      out += when + " -l " + option.name;
      if (option.letter != 0) out += std::string(" -s ") + option.letter;
      out += std::string(option.value != nullptr ? " -x" : "") + " -d '" + fish_quoted(option.help) + "'\n";
    }
  }
  return out;
}

}  // namespace

const CommandSpec kCompletionSpec = {
    "completion", "completions for a shell",        "SHELL", kOptions, kVerbs,
    "",           "source <(flame completion bash)"};

int completion_command(int argc, char** argv) {
  OptionReader reader(kCompletionSpec, argc, argv);
  if (reader.next() != nullptr) return print_help(help_text(kCompletionSpec).c_str());
  const char* word = reader.operand();
  const std::string shell = word != nullptr ? word : "";
  if (shell == "bash") return print_help(for_bash().c_str());
  if (shell == "zsh") return print_help(for_zsh().c_str());
  if (shell == "fish") return print_help(for_fish().c_str());
  Error error =
      usage_error(kCompletionSpec, shell.empty() ? "wants a shell" : "unknown shell '" + shell + "'");
  error.hint = near_hint(shell, {"bash", "zsh", "fish"}, "bash, zsh and fish are known");
  throw error;
}

}  // namespace flame::cli
