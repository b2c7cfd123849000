// Tells whether a call has asked the kernel for anything. One that has not cannot have changed the working
// directory, the umask or the signal mask, nor have printed: the system calls that make these good again
// (1.3 µs, more than a small function takes) are left out. Where it cannot tell, it says that it cannot.
#pragma once
#include <array>
#include <cstdint>

namespace flame::worker {

class KernelWatch {
 public:
  KernelWatch();  // before the plugin is loaded: remembers who handles signals
  ~KernelWatch() { stop(); }
  KernelWatch(const KernelWatch&) = delete;
  KernelWatch& operator=(const KernelWatch&) = delete;

  void start();  // after it; watches the thread that calls it, if that can be done
  // Around a call, on that thread.
  void arm();
  bool stayed_out();  // true: certainly no system call since arm()

 private:
  static constexpr int kSignals = 64;
  static constexpr std::uint32_t kRestMax = 4096;
  using Handlers = std::array<const void*, kSignals + 1>;
  static Handlers handlers();
  bool undisturbed() const;
  void stop();

  Handlers known_;
  bool watching_ = false, armed_ = false;
  bool looked_ = false;  // since the last call that may have changed who handles signals, or begun threads
  std::uint32_t rest_ = 0, next_rest_ = 1;  // calls that go unwatched: each that is caught costs some µs
};

}  // namespace flame::worker
