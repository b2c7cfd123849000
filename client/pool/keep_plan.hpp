// What `flame pool keep` does next: what is there in, what to do and why out. Knows no clock and no engine.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace flame::client {

struct KeptRunner {
  // coming: no hello yet; silent: it has been asked for long and says nothing
  enum class State : std::uint8_t { coming, ready, silent, leaving, resting };
  std::string name;
  State state = State::coming;
  bool current = true;  // of the generation that a boot makes now
  std::uint64_t slots = 0, busy = 0, queued = 0, idle_ms = 0;

  bool works() const { return state == State::ready && busy + queued > 0; }
};

const char* state_name(KeptRunner::State state);  // "ready": for machines

struct KeepState {
  std::vector<KeptRunner> runners;
  std::uint64_t booting = 0;  // asked for, not yet among the runners
  std::uint64_t min = 0, max = 1, surge = 1, spares = 0;

  // What the policy wants of the current generation, and why.
  std::uint64_t more = 0;
  std::vector<std::string> idle;  // may go
  bool refused = false;           // it wanted more than the limits allow
  std::string why;
};

struct KeepPlan {
  std::uint64_t wanted = 0;  // runners of the current generation
  std::uint64_t boot = 0;
  std::vector<std::string> drain;
  std::vector<std::string> stay;  // idle ones that are not to leave by themselves
  std::string reason;
};

// The policy says how many there should be. A new generation comes first, then as many of the old drain:
// those that have nothing to do before others. max + surge names are never passed.
KeepPlan plan_keeping(const KeepState& state);

}  // namespace flame::client
