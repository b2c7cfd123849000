// The commands of flame: each takes its own argv and returns the exit status, or throws Error.
#pragma once
#include <span>

#include "cli/options.hpp"

namespace flame::cli {

int run_command(int argc, char** argv);
int map_command(int argc, char** argv);
int wait_command(int argc, char** argv);
int result_command(int argc, char** argv);
int cancel_command(int argc, char** argv);
int calls_command(int argc, char** argv);
int explain_command(int argc, char** argv);
int replay_command(int argc, char** argv);
int pool_command(int argc, char** argv);
int inspect_command(int argc, char** argv);
int check_command(int argc, char** argv);
int complete_command(int argc, char** argv);
int image_facts_command(int argc, char** argv);
int config_command(int argc, char** argv);
int completion_command(int argc, char** argv);

extern const CommandSpec kPoolSpec, kConfigSpec, kCompletionSpec, kInspectSpec, kCheckSpec, kImageFactsSpec,
    kReplaySpec, kWaitSpec, kResultSpec, kCancelSpec, kCallsSpec, kExplainSpec;

struct Command {
  const char* name;
  const char* summary;  // for 'flame --help'
  int (*run)(int argc, char** argv);
  const CommandSpec* spec = nullptr;  // its options, for completions
};
std::span<const Command> commands();  // the one table; in table.cpp

}  // namespace flame::cli
