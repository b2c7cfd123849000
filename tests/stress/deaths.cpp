// Workers that die in a row: deaths RUNNER WORKER FAULTS DEATHS
// One call after the other dies, in every way that there is, while good calls go on through the same link and
// the same workers. Each must end as it should; the runner stays, and keeps nothing of the dead.
#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>

#include "tests/stress/own_runner.hpp"

using namespace flame;
using namespace flame::stress;
using wire::FrameType;

namespace {

constexpr unsigned kSlots = 3;
constexpr std::uint64_t kGoodInFlight = 8;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr long kGrowthMaxKib = 512 * 1024;  // they keep what was freed
#else
constexpr long kGrowthMaxKib = 8 * 1024;
#endif

struct Way {
  const char* function;
  const char* end;  // kind, fate, signal
};
// `throw` ends the call and not its worker: it may not be taken for one of the deaths.
constexpr std::array kWays = {Way{"segfault", "crashed crashed 11"}, Way{"abort", "crashed crashed 6"},
                              Way{"exit_zero", "exited crashed 0"}, Way{"throw_out", "crashed crashed 6"},
                              Way{"throw", "failed failed 0"}};
constexpr std::uint32_t kGoodBind = kWays.size();

std::string end_of(std::string_view body) {
  const std::size_t signal = body.find("\"signal\":");
  const bool number = signal != std::string_view::npos && body[signal + 9] != '"';
  return text_after(body, "\"kind\":\"") + " " + text_after(body, "\"fate\":\"") + " " +
         std::to_string(number ? std::strtol(body.data() + signal + 9, nullptr, 10) : 0);
}

class Test {
 public:
  Test(const OwnRunner& runner, const std::string& plugin) : link_(runner.connect()) {
    std::string frames;
    for (std::uint32_t i = 0; i < kWays.size(); ++i)
      add_bind(frames, static_cast<int>(i), plugin, kWays[i].function);
    add_bind(frames, kGoodBind, plugin, "echo_i64");
    link_.queue(frames);
  }

  // So many deaths one after the other; each with its good calls around.
  void run(std::uint64_t deaths) {
    for (const std::uint64_t until = deaths_ + deaths; deaths_ < until;) {
      std::string frames;
      while (good_.size() < kGoodInFlight) {
        std::string& word = good_[++last_];
        word = std::to_string(last_);
        add_call(frames, last_, kGoodBind, word);
      }
      if (dying_ == 0) add_call(frames, dying_ = ++last_, way_);
      if (!frames.empty()) link_.queue(frames);
      exchange(link_, [this](const wire::Frame& frame) { take(frame); });
    }
    while (!good_.empty() || dying_ != 0) exchange(link_, [this](const wire::Frame& frame) { take(frame); });
  }

  int wrong() const { return wrongs_.count(); }
  void print() const {
    for (const auto& [end, count] : tally_) std::printf("%s: %d\n", end.c_str(), count);
  }

 private:
  void take(const wire::Frame& frame) {
    if (frame.call == dying_) {
      const std::string end = frame.type == FrameType::error ? end_of(frame.body) : "no error";
      ++tally_[std::string(kWays[way_].function) + " " + end];
      wrongs_.expect(end == kWays[way_].end, frame, kWays[way_].end);
      deaths_ += end.starts_with("failed") ? 0 : 1;
      dying_ = 0;
      way_ = way_ + 1 == kWays.size() ? 0 : way_ + 1;
      return;
    }
    const auto good = good_.find(frame.call);
    if (good == good_.end()) return wrongs_.expect(false, frame, "no second answer");
    wrongs_.expect(frame.type == FrameType::result && frame.body == good->second, frame, good->second);
    ++tally_["good"];
    good_.erase(good);
  }

  client::Link link_;
  std::map<std::uint64_t, std::string> good_;
  std::uint64_t last_ = 0, dying_ = 0, deaths_ = 0;
  std::uint32_t way_ = 0;
  Wrongs wrongs_;
  std::map<std::string, int> tally_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  try {
    const OwnRunner runner(argv[1], argv[2], kSlots);
    Test test(runner, argv[3]);
    test.run(30);  // until all is there that a runner keeps: workers, what it knows of functions, its buffers
    const int descriptors = runner.descriptors();
    const long resident_kib = runner.resident_kib();
    test.run(std::strtoull(argv[4], nullptr, 10) - 30);
    test.print();
    // A worker more or less lives than before; each has six descriptors at most.
    const int grown = runner.descriptors() - descriptors, workers = runner.children();
    const long grown_kib = runner.resident_kib() - resident_kib;
    std::printf("runner: %d descriptors more, %d workers, %ld KiB more\n", grown, workers, grown_kib);
    const bool whole = runner.lives() && workers <= static_cast<int>(kSlots) &&
                       grown <= 6 * static_cast<int>(kSlots) && grown_kib <= kGrowthMaxKib;
    return whole && test.wrong() == 0 ? 0 : 1;
  } catch (const Error& error) {
    std::fprintf(stderr, "deaths: %s\n", error.message.c_str());
    return 1;
  }
}
