// One call as the runner sees it, the function that it names, and who wants its frames.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "runner/plugin_store.hpp"
#include "wire/frame.hpp"

namespace flame::runner {

class Slot;
struct Call;
using CallPtr = std::shared_ptr<Call>;

// What is known of a function of a plugin: learnt from workers, shared by all that call it.
struct Function {
  std::string name;
  double mean_us = 0;  // of one call; 0: not measured yet
  bool streaming = false;
  std::string bound;  // a worker's answer to `bind`, with a number that says nothing; empty: not known
};

struct Group;  // the calls and workers of one plugin (scheduler.hpp)

// A function of a plugin as a client named it.
struct Bind {
  std::uint64_t id = 0;  // unique in this runner
  std::string path, sha256, function, environment_json;
  std::vector<SetFile> files;  // that travel with the plugin, itself first
  bool fresh = false;
  bool phases = false, usage = false;  // wanted of its calls; phases: usage too
  // set by the scheduler
  mutable std::shared_ptr<Group> group;
  mutable std::shared_ptr<Function> known;
  mutable bool told = false;  // its sink has got the `bound`
};

// Who asked for a call: gets its frames, the last of which ends it (exactly once). A frame's call id is
// the worker's; the client's is call.id. The number in a `bound` frame says nothing: which bind it is,
// call.bind tells.
class CallSink {
 public:
  // False when it can take no more for now: the call's worker is not read until Scheduler::resume.
  virtual bool frame(Call& call, const wire::Frame& frame) = 0;

 protected:
  ~CallSink() = default;
};

// True for the frame that ends its call.
inline bool ends_call(const wire::Frame& frame) {
  return frame.type == wire::FrameType::error ||
         (frame.type == wire::FrameType::result && !frame.has(wire::flag::more));
}

// One execution of a function, from its arrival to its end.
struct Call {
  std::uint64_t id = 0;  // the client's, for the sink
  std::shared_ptr<const Bind> bind;
  CallSink* sink = nullptr;            // null: nobody listens any more; set so before the sink goes
  std::shared_ptr<CallSink> own_sink;  // a sink that lives as long as its call
  wire::CallHead head;
  Deadline deadline;
  // Frames for the worker. Kept until the call has begun, so that another worker can get them.
  std::string waiting;
  bool detached = false;  // its sink keeps what it says (held_call.hpp)

  // set by the scheduler
  enum class State : std::uint8_t { queued, fed, over } state = State::queued;
  enum class Wanted : std::uint8_t { yes, cancelled, timed_out } wanted = Wanted::yes;
  bool in_pieces = false;   // its body comes in more than one frame
  bool kept = true;         // `waiting` still holds all that came
  bool stopping = false;    // its worker has been asked to end it
  std::uint8_t losses = 0;  // workers that died when it was next
  Slot* slot = nullptr;
  std::uint64_t number = 0;  // in its worker
  Clock::time_point arrived{};
  Clock::time_point next{};  // since when its worker may begin it; of one whose bind asks for usage
  std::uint64_t passed_bytes = 0, granted_bytes = 0;  // of its bodies, to a worker; by `window` frames
};

}  // namespace flame::runner
