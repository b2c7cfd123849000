#include "cli/commands/commands.hpp"
#include "cli/commands/map_options.hpp"
#include "cli/commands/run_options.hpp"

namespace flame::cli {
namespace {

constexpr Command kCommands[] = {
    {"run", "run one function of a plugin and print its result", run_command, &kRunSpec},
    {"map", "run a function on every item of an input", map_command, &kMapSpec},
    {"wait", "wait for a detached call, and tell its end as run does", wait_command, &kWaitSpec},
    {"result", "the end of a detached call if it is there", result_command, &kResultSpec},
    {"cancel", "end a detached call", cancel_command, &kCancelSpec},
    {"calls", "this user's detached calls, and what has become of them", calls_command, &kCallsSpec},
    {"explain", "where the time of a call went, and what would shorten it", explain_command, &kExplainSpec},
    {"replay", "run a call that crashed again, on this computer", replay_command, &kReplaySpec},
    {"pool", "look at, warm, keep, drain and destroy the runners of a pool", pool_command, &kPoolSpec},
    {"inspect", "what a plugin is and needs, without running any of it", inspect_command, &kInspectSpec},
    {"check", "whether a plugin will load there, before anything is paid for", check_command, &kCheckSpec},
    {"image-facts", "what this image offers to plugins", image_facts_command, &kImageFactsSpec},
    {"config", "the settings that are in force, and where they come from", config_command, &kConfigSpec},
    {"completion", "completions for bash, zsh or fish", completion_command, &kCompletionSpec},
    {"__complete", "for completions of functions and arguments", complete_command},
};

}  // namespace

std::span<const Command> commands() { return kCommands; }

}  // namespace flame::cli
