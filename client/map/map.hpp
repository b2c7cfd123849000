// A function on every item of an input, on as many runners as it pays to have.
#pragma once
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/map/encoder.hpp"
#include "client/map/map_supply.hpp"
#include "client/map/policy.hpp"
#include "client/map/statistics.hpp"
#include "client/map/window.hpp"
#include "client/pool/ladder.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {

// What is called.
struct MapTask {
  std::string path, sha256, function;        // of the plugin: absolute path there, hex or empty
  std::shared_ptr<const MapSupply> supply;   // nullptr: only the image has it
  std::optional<wire::Signature> signature;  // from the manifest
  bool idempotent = false, streaming = false;
  std::vector<CallArgument> fixed;  // bytes: whole contents in value
  std::map<std::string, std::string> environment;
  bool fresh = false;
};

enum class ResultFormat : std::uint8_t { json, raw, records };

struct MapSettings {
  int input_fd = 0, output_fd = 1;
  ItemFormat from = ItemFormat::lines;
  char terminator = '\n';  // of items and of results
  std::string token;       // -I
  ResultFormat to = ResultFormat::json;
  bool ordered = true, tag = false;
  Deadline deadline;
  std::uint64_t item_timeout_ms = kUnlimitedMs;
  std::string results_dir, joblog, trace;  // empty: none
  bool resume = false, retry_failed = false;
  std::uint32_t retries = 0;
  HaltPolicy halt;
  std::uint32_t runners_min = 0;
  std::optional<Ladder> ladder;                               // greater guests for items that died of memory
  bool want_cost = false;                                     // prices are asked of the engine
  double cost_max = std::numeric_limits<double>::infinity();  // in the currency of the engine's prices
};

struct MapCounts {
  std::uint64_t read = 0, done = 0, failed = 0;
  std::uint64_t skipped = 0;    // the job log has them
  std::uint64_t cancelled = 0;  // begun or not, and given up
};

// What the progress block shows.
struct MapProgress {
  MapCounts counts;
  bool input_ended = false;  // then counts.read is all
  std::uint32_t in_flight = 0;
  std::uint32_t runners_ready = 0, runners_booting = 0, runners_busy = 0;
  double seconds = 0;           // since the first item
  double items_per_second = 0;  // of late
  double cost = 0;
  bool priced = false;
};

struct MapEvents {
  std::function<void(const Item&)> on_failed;  // has an error
  std::function<void(std::string_view level, std::string_view text)> on_log;
  std::function<void(const std::string&)> on_notice;    // one line for people
  std::function<void(const std::string&)> on_decision;  // why runners are booted, or not: one line for people
  std::function<void(const MapProgress&)> on_progress;
  milliseconds progress_every{100};
  std::function<void(int times)> on_interrupted;
  std::function<void()> before_boot;             // the first one: may throw what makes it useless
  std::function<void()> before_output;           // results are about to be written
  std::function<int(const Error&)> exit_status;  // for the job log
  std::function<int()> interrupts;               // how often the user has said stop
  int interrupt_fd = -1;                         // readable when that has changed
};

enum class MapEnd : std::uint8_t { complete, interrupted, halted, too_costly, reader_gone };

struct MapOutcome {
  MapEnd end = MapEnd::complete;
  MapCounts counts;
  Statistics statistics;
};

// Throws Error for what ends all: a plugin that cannot be loaded, no runner, a full disk, the deadline.
MapOutcome run_map(Pool& pool, const MapTask& task, const MapSettings& settings, const MapEvents& events);

}  // namespace flame::client
