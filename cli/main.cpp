// flame: argv in, text and exit status out.
#include <signal.h>

#include <cstdio>
#include <string>
#include <vector>

#include "base/text.hpp"
#include "cli/commands/commands.hpp"
#include "cli/ui/report.hpp"

using namespace flame::cli;

namespace {

constexpr const char* kHelp = R"(flame - run functions of your program on short-lived machines

Usage: flame COMMAND [OPTIONS] [ARGUMENT...]

  run      run one function of a plugin and print its result
  map      run a function on every item of an input
  pool     status, warm and destroy the runners of a pool
  inspect  what a plugin is and needs, without running any of it
  check    whether a plugin will load there, before anything is paid for
  image-facts  what this image offers to plugins

Example: flame run math.so add 100 20
Try 'flame COMMAND --help', or: man flame
)";

struct Command {
  const char* name;
  int (*run)(int argc, char** argv);
};
constexpr Command kCommands[] = {
    {"run", run_command},
    {"map", map_command},
    {"pool", pool_command},
    {"inspect", inspect_command},
    {"check", check_command},
    {"image-facts", image_facts_command},
    {"__complete", complete_command},
};

int dispatch(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "--help";
  if (word == "--help" || word == "-h" || word == "help") return print_help(kHelp);
  if (word == "--version" || word == "version") return print_help("flame " FLAME_VERSION " (MIT)\n");
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (word == command.name) return command.run(argc - 1, argv + 1);
    if (command.name[0] != '_') names.emplace_back(command.name);
  }
  const auto near = flame::nearest(word, names);
  throw flame::Error(flame::ErrorKind::usage, "unknown command '" + word + "'",
                     near ? "did you mean '" + *near + "'?" : "try 'flame --help'");
}

}  // namespace

int main(int argc, char** argv) {
  return guarded([&] { return dispatch(argc, argv); });
}
