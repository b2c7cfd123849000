// The page that a runner, its worker and the worker's nanny share (PROTOCOL.md §8). The plugin can
// scribble on it: the runner checks what it reads and trusts only what the nanny wrote after the worker's
// end.
#pragma once
#include <atomic>
#include <cstdint>

namespace flame::worker {

inline constexpr std::uint64_t kWithdrawnSlots =
    512;  // more than kFeedAheadMaxCount: bits are reused in turn

// Small answers lie here as well as in the socket, so that many can be sent at once (channel.cpp).
inline constexpr std::uint64_t kAnswersBytes = 128 * 1024;
inline constexpr std::uint64_t kRingFrameMaxBytes = 4096;  // header and body; longer ones go at once

struct SharedPage {
  std::atomic<std::uint64_t> begun;      // worker: sequence number of the call that it began last
  std::atomic<std::uint64_t> cancelled;  // runner: sequence number of the call that is no longer wanted
  std::atomic<std::uint64_t> withdrawn[kWithdrawnSlots / 64];  // runner: bit n % kWithdrawnSlots

  // Prints (serve.cpp): the runner counts its reads of the pipe; the worker, waiting for one, says so.
  std::atomic<std::uint32_t> prints_read, prints_wanted;

  // Worker, with usage: what it had used when it invoked the call `metered`, stored before the number.
  std::atomic<std::uint64_t> metered, metered_wall_us, metered_cpu_us;

  // Positions count the bytes that the worker ever wrote, by either way. Up to `produced` all is written;
  // what lies from `direct_end` on is in the ring, at its position modulo the ring's size.
  std::atomic<std::uint64_t> produced, direct_end;

  // How the worker ended; written by the nanny when the worker and all that it started are gone.
  struct End {
    std::atomic<std::uint32_t> written;
    std::int32_t code;    // exit status, when signal is 0
    std::int32_t signal;  // 0 or the signal that killed it
    std::uint64_t peak_bytes;
    std::uint64_t cpu_us;
  } end;

  char answers[kAnswersBytes];

  void withdraw(std::uint64_t n) { withdrawn[n % kWithdrawnSlots / 64].fetch_or(bit(n)); }
  void clear_withdrawn(std::uint64_t n) { withdrawn[n % kWithdrawnSlots / 64].fetch_and(~bit(n)); }
  bool is_withdrawn(std::uint64_t n) const {
    return (withdrawn[n % kWithdrawnSlots / 64].load() & bit(n)) != 0;
  }

 private:
  static std::uint64_t bit(std::uint64_t n) { return 1ULL << (n % 64); }
};

inline constexpr int kWorkerSocketFd = 3;  // descriptors that a worker is born with
inline constexpr int kWorkerPageFd = 4;    // memfd of at least sizeof(SharedPage)
inline constexpr int kWorkerPluginFd = 5;  // the plugin's bytes, read only
inline constexpr int kWorkerCrashFd = 6;   // memfd for the crash record; may be absent

}  // namespace flame::worker
