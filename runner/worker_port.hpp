// A worker as the scheduler sees it: frames in and out, what it prints, how it ended. WorkerProcess is the
// real one; tests put another in its place.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/clock.hpp"
#include "runner/worker/shared_page.hpp"
#include "wire/crash_report.hpp"
#include "wire/frame.hpp"

namespace flame::runner {

struct WorkerEnd {
  int code = 0;
  int signal = 0;
  std::uint64_t peak_bytes = 0, cpu_us = 0;
  bool starved = false;    // killed by the kernel, which had no memory left
  bool disturbed = false;  // killed by us: it wrote rubbish to its socket, or closed it
};

// Why a worker is no more; metrics count them.
enum class WorkerCause : std::uint8_t {
  left,  // idle: nobody needed it, or it was worn out
  crashed,
  exited,
  timed_out,
  cancelled,
  out_of_memory,
  unloadable,
};
inline constexpr std::size_t kWorkerCauseCount = 7;

class WorkerPort {
 public:
  class Listener {
   public:
    virtual void frame(const wire::Frame& frame) = 0;
    virtual void frames_over() = 0;  // after the frames that came together
    virtual void printed(std::uint64_t call, std::string_view text) = 0;
    virtual void passed(std::uint64_t position) = 0;  // all up to there has left for the worker
    virtual void ended(const WorkerEnd& end) = 0;     // once, last; the worker and all it started are gone

   protected:
    ~Listener() = default;
  };

  virtual ~WorkerPort() = default;
  virtual std::string& outgoing() = 0;   // frames are appended here …
  virtual void flush() = 0;              // … and go when the loop comes round
  virtual std::uint64_t position() = 0;  // bytes appended since its start
  virtual void pause_reading(bool on) = 0;
  virtual void take_unsent() {}                  // answers that are written and held back by the worker
  virtual void close_input() = 0;                // the worker ends in good order
  virtual void kill() = 0;                       // with all that it started
  virtual bool ending() const { return false; }  // it will answer nothing more; `ended` follows
  virtual std::uint64_t memory_bytes() = 0;      // resident now; 0: not known
  virtual worker::SharedPage& page() = 0;
  virtual Clock::time_point now() const { return Clock::now(); }  // by which its calls are measured
  virtual wire::CrashReport crash(int signal, const std::string& sha256) const = 0;  // after its end
};

struct Bind;
// Starts a worker for the plugin of a bind, with the bytes that it names. Throws Error.
using StartWorker =
    std::function<std::shared_ptr<WorkerPort>(const Bind& bind, WorkerPort::Listener& listener)>;

}  // namespace flame::runner
