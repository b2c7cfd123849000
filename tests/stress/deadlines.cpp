// Calls that end as their deadline passes: deadlines RUNNER WORKER DICE CALLS
// Each naps until about its deadline, sooner after one that was late and later after one that was in time: so
// they end within a fraction of a millisecond of it, on either side. Each must be done or timed out, and the
// runner keeps nothing of those that it killed.
#include <cstdio>
#include <cstdlib>
#include <map>

#include "tests/stress/own_runner.hpp"

using namespace flame;
using namespace flame::stress;
using wire::FrameType;

namespace {

constexpr unsigned kSlots = 8;
#ifdef __SANITIZE_THREAD__
constexpr std::uint64_t kTimeout_ms = 1000;  // a worker's start must fit in it
constexpr std::int64_t kSpread_us = 5'000, kStep_us = 500;
#elif defined(__SANITIZE_ADDRESS__)
constexpr std::uint64_t kTimeout_ms = 100;
constexpr std::int64_t kSpread_us = 1'000, kStep_us = 100;
#else
constexpr std::uint64_t kTimeout_ms = 4;
constexpr std::int64_t kSpread_us = 500, kStep_us = 20;
#endif

class Test {
 public:
  Test(const OwnRunner& runner, const std::string& plugin) : link_(runner.connect()) {
    std::string frames;
    add_bind(frames, 0, plugin, "nap");
    link_.queue(frames);
  }

  // So many that began; one whose worker was not there in time does not count.
  void run(std::uint64_t calls) {
    while (done_ + late_ < calls || !asked_.empty()) {
      std::string frames;
      while (done_ + late_ + asked_.size() < calls && asked_.size() < kSlots) {
        asked_[++last_] = true;
        add_call(frames, last_, 0, std::to_string(next_nap_us()), kTimeout_ms);
      }
      if (!frames.empty()) link_.queue(frames);
      exchange(link_, [this](const wire::Frame& frame) { take(frame); });
      if (never_ > 20 * calls) throw Error(ErrorKind::timed_out, "hardly any call begins in time");
    }
  }

  // Whether the runner serves on, without a deadline.
  bool still_serves() {
    std::string frames;
    add_call(frames, ++last_, 0, "1");
    link_.queue(frames);
    bool good = false, over = false;
    while (!over)
      exchange(link_, [&](const wire::Frame& frame) {
        over = true;
        good = frame.call == last_ && frame.type == FrameType::result && frame.body == "1";
      });
    return good;
  }

  std::uint64_t done() const { return done_; }
  std::uint64_t late() const { return late_; }
  std::uint64_t never() const { return never_; }
  int wrong() const { return wrongs_.count(); }

 private:
  std::int64_t next_nap_us() {
    seed_ = seed_ * 6364136223846793005U + 1;
    const auto off = static_cast<std::int64_t>((seed_ >> 33) % (2 * kSpread_us)) - kSpread_us;
    return std::max<std::int64_t>(0, edge_us_ + off);
  }

  void take(const wire::Frame& frame) {
    const std::string kind = text_after(frame.body, "\"kind\":\""),
                      fate = text_after(frame.body, "\"fate\":\"");
    if (asked_.erase(frame.call) != 1) return wrongs_.expect(false, frame, "no second answer");
    if (frame.type == FrameType::result) {
      ++done_;
      edge_us_ += kStep_us;
    } else if (kind == "timed_out" && fate == "timed_out") {
      ++late_;
      edge_us_ = std::max<std::int64_t>(0, edge_us_ - kStep_us);
    } else {
      ++never_;
      wrongs_.expect(kind == "timed_out" && fate == "never_begun", frame, "timed_out, never begun");
    }
  }

  client::Link link_;
  std::map<std::uint64_t, bool> asked_;
  std::uint64_t last_ = 0, done_ = 0, late_ = 0, never_ = 0, seed_ = 42;
  std::int64_t edge_us_ = 1000 * static_cast<std::int64_t>(kTimeout_ms) - 500;
  Wrongs wrongs_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  try {
    const OwnRunner runner(argv[1], argv[2], kSlots);
    Test test(runner, argv[3]);
    const std::uint64_t calls = std::strtoull(argv[4], nullptr, 10);
    test.run(calls);
    const bool serves = test.still_serves();
    const int workers = runner.children();
    std::printf("done %llu, timed out %llu, never begun %llu; %d workers\n",
                static_cast<unsigned long long>(test.done()), static_cast<unsigned long long>(test.late()),
                static_cast<unsigned long long>(test.never()), workers);
    const bool both = test.done() > calls / 10 && test.late() > calls / 10;  // else no edge was met
    return serves && both && runner.lives() && workers <= static_cast<int>(kSlots) && test.wrong() == 0 ? 0
                                                                                                        : 1;
  } catch (const Error& error) {
    std::fprintf(stderr, "deadlines: %s\n", error.message.c_str());
    return 1;
  }
}
