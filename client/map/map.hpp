// A function on every item of an input, on as many runners as it pays to have.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/map/encoder.hpp"
#include "client/map/window.hpp"
#include "client/pool/pool.hpp"

namespace flame::client {

// What is called.
struct MapTask {
  std::string path, sha256, function;        // of the plugin: absolute path, hex
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
};

struct MapCounts {
  std::uint64_t read = 0, done = 0, failed = 0;
};

struct MapEvents {
  std::function<void(const Item&)> on_failed;  // has an error
  std::function<void(std::string_view level, std::string_view text)> on_log;
  std::function<int()> interrupts;  // how often the user has said stop
  int interrupt_fd = -1;            // readable when that has changed
};

enum class MapEnd : std::uint8_t { complete, interrupted, reader_gone };

struct MapOutcome {
  MapEnd end = MapEnd::complete;
  MapCounts counts;
};

// Throws Error for what ends all: a plugin that cannot be loaded, no runner, a full disk, the deadline.
MapOutcome run_map(Pool& pool, const MapTask& task, const MapSettings& settings, const MapEvents& events);

}  // namespace flame::client
