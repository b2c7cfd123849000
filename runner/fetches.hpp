// What one link's client asks of detached calls (PROTOCOL.md §9): their state, their end, what was kept.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runner/held_calls.hpp"
#include "wire/frame.hpp"

namespace flame::runner {

class Fetches final : public HeldCall::Waiter {
 public:
  // Says `held` to the client.
  using Tell = std::function<void(std::uint64_t call, std::string_view body)>;
  // more: there is something to fill with.
  Fetches(HeldCalls& calls, Tell tell, std::function<void()> more)
      : calls_(calls), tell_(std::move(tell)), more_(std::move(more)) {}
  ~Fetches();
  Fetches(const Fetches&) = delete;
  Fetches& operator=(const Fetches&) = delete;

  // Throw Error(protocol, limit): the link ends.
  void fetch(const wire::Frame& frame);
  void release(const wire::Frame& frame);
  void is_over(const std::shared_ptr<HeldCall>& call) override;
  // Whole frames of what was fetched, until there are about so many bytes.
  void fill(std::string& outgoing, std::size_t up_to_bytes);

 private:
  struct Wanted {
    std::shared_ptr<HeldCall> call;
    bool result = false;  // or its end alone
  };
  struct Sending {
    std::shared_ptr<HeldCall> call;
    std::size_t at = 0;
  };
  void send(const std::shared_ptr<HeldCall>& call);

  HeldCalls& calls_;
  Tell tell_;
  std::function<void()> more_;
  std::vector<Wanted> waits_;
  std::deque<Sending> sending_;
};

}  // namespace flame::runner
