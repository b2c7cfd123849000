// Boots that fail cost money each. What failed is told to those who waited for it, and after a few in a row
// there is a pause. One 0600 file per pool, written only by whoever holds the pool's boot lock.
#pragma once
#include <optional>
#include <string>

#include "base/clock.hpp"
#include "base/error.hpp"

namespace flame::client {

class Breaker {
 public:
  Breaker() = default;
  Breaker(std::string path, std::string generation)
      : path_(std::move(path)), generation_(std::move(generation)) {}

  // Another flame boots; what it meets is ours too.
  void waiting() { waiting_since_ = waiting_since_.value_or(Clock::now()); }
  // Asked once the lock is ours: why no boot should be tried now. Ends the waiting.
  std::optional<Error> open();
  // A person said so: the pause is not kept.
  void ignore_pause() { ignored_ = true; }

  void failed(const Error& error) noexcept;  // a machine was made and no hello came
  void mended() noexcept;                    // one came

 private:
  struct Record {
    std::int64_t count = 0, at_ms = 0;
    std::string message, hint;
  };
  std::optional<Record> read() const;

  std::string path_, generation_;
  std::optional<Clock::time_point> waiting_since_;
  bool ignored_ = false;
};

}  // namespace flame::client
