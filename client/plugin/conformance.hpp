// Does a plugin keep the rules of flame/plugin.h? Cases with names, each in a worker of its own on a private
// runner of this computer.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "client/plugin/plugin_file.hpp"

namespace flame::client {

enum class Outcome : std::uint8_t { passed, warned, failed, skipped, crashed };
const char* outcome_name(Outcome outcome);

struct CaseResult {
  std::string name;  // "manifest", "add/types"
  Outcome outcome = Outcome::passed;
  std::string text;  // why; empty for a plain pass
};

struct ConformanceOptions {
  std::string only;  // a pattern of names, with * and ?; empty: all
  std::uint64_t repeats = 10'000;
  std::uint64_t case_timeout_ms = 10'000;
};

// The names of all cases, in their order.
std::vector<std::string> conformance_cases(const OpenPlugin& plugin);
// Runs them; `told` gets each result as it comes. Throws Error when no runner can be started.
void run_conformance(OpenPlugin& plugin, const ConformanceOptions& options,
                     const std::function<void(const CaseResult&)>& told);

}  // namespace flame::client
