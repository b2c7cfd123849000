// flame: argv in, text and exit status out.
#include <string>
#include <vector>

#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"

using namespace flame::cli;

namespace {

std::string help() {
  std::string out =
      "flame - run functions of your program on short-lived machines\n\n"
      "Usage: flame COMMAND [OPTIONS] [ARGUMENT...]\n\n";
  for (const Command& command : commands()) {
    if (command.name[0] == '_') continue;
    std::string name = command.name;
    name.resize(13, ' ');
    out += "  " + name + command.summary + "\n";
  }
  return out + "\nExample: flame run math.so add 100 20\nTry 'flame help COMMAND', or: man flame\n";
}

const Command& find_command(const std::string& word) {
  std::vector<std::string> names = {"help", "version"};
  for (const Command& command : commands()) {
    if (word == command.name) return command;
    if (command.name[0] != '_') names.emplace_back(command.name);
  }
  throw flame::Error(flame::ErrorKind::usage, "unknown command '" + word + "'",
                     near_hint(word, names, "try 'flame --help'"));
}

int show_help(int argc, char** argv) {
  if (argc < 3) return print_help(help().c_str());
  char option[] = "--help";
  char* words[] = {argv[2], option, nullptr};
  return find_command(argv[2]).run(2, words);
}

int dispatch(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "help";
  if (word == "--help" || word == "-h" || word == "help") return show_help(argc, argv);
  if (word == "--version" || word == "version") return print_help("flame " FLAME_VERSION " (MIT)\n");
  return find_command(word).run(argc - 1, argv + 1);
}

}  // namespace

int main(int argc, char** argv) {
  return guarded([&] { return dispatch(argc, argv); });
}
