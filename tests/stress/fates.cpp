// Is the fate of a call what really happened?  fates RUNNER WORKER PLUGIN CALLS
// Calls leave a mark in a file and then answer, die or dawdle; some have a deadline of a millisecond, some
// are cancelled. Each must end exactly once; one that is done or crashed has one mark, one that never began
// has none, one that was stopped has one at most.
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "tests/stress/own_runner.hpp"

using namespace flame;
using namespace flame::stress;
using wire::FrameType;

namespace {

constexpr std::uint64_t kInFlight = 500;

class Calls {
 public:
  Calls(const OwnRunner& runner, const std::string& plugin, std::uint64_t count)
      : link_(runner.connect()), marks_(runner.directory + "/marks"), count_(count), ends_(count + 1) {
    std::string bind;
    add_bind(bind, 0, plugin, "roll");
    link_.queue(bind);
  }

  void run() {
    while (ended_ < count_) {
      std::string frames;
      while (sent_ < count_ && sent_ - ended_ < kInFlight) add(frames, ++sent_);
      if (!frames.empty()) link_.queue(frames);
      exchange(link_, [this](const wire::Frame& frame) { take(frame); });
    }
  }

  // How many were wrong.
  int check() {
    std::map<std::uint64_t, int> marks;
    const std::string file = read_file(marks_, 1U << 30);
    for (std::size_t at = 0; at + 8 <= file.size(); at += 8) ++marks[wire::get_u64(file.data() + at)];
    int wrong = 0;
    std::map<std::string, int> tally;
    for (std::uint64_t id = 1; id <= count_; ++id) {
      const std::string& end = ends_[id];
      ++tally[end];
      const int runs = marks.contains(id) ? marks[id] : 0;
      const bool right = end == "done" || end == "crashed"          ? runs == 1
                         : end == "never_begun"                     ? runs == 0
                         : end == "timed_out" || end == "cancelled" ? runs <= 1
                                                                    : false;
      if (right) continue;
      ++wrong;
      std::printf("call %llu: '%s', but it ran %d times\n", static_cast<unsigned long long>(id), end.c_str(),
                  runs);
    }
    for (const auto& [end, count] : tally) std::printf("%s %d  ", end.c_str(), count);
    std::printf("\n");
    return wrong;
  }

 private:
  void add(std::string& frames, std::uint64_t id) {
    std::string body;
    wire::append_call_head(body, {0, 2, id % 10 == 0 ? 1 + id / 10 % 3 : kUnlimitedMs});
    wire::append_argument(body, wire::ArgumentKind::word, marks_);
    wire::append_argument(body, wire::ArgumentKind::word, std::to_string(id));
    wire::append_frame(frames, FrameType::call, 0, id, body);
    if (id % 23 == 0) wire::append_frame(frames, FrameType::cancel, 0, id - id % 7, {});
  }

  void take(const wire::Frame& frame) {
    ++ended_;
    std::string& end = ends_.at(frame.call);
    if (!end.empty()) end += "+";  // twice
    end += frame.type == FrameType::result ? "done" : text_after(frame.body, "\"fate\":\"");
  }

  client::Link link_;
  std::string marks_;
  std::uint64_t count_, sent_ = 0, ended_ = 0;
  std::vector<std::string> ends_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  try {
    const OwnRunner runner(argv[1], argv[2], 3);
    Calls calls(runner, argv[3], std::strtoull(argv[4], nullptr, 10));
    calls.run();
    return calls.check() == 0 ? 0 : 1;
  } catch (const Error& error) {
    std::fprintf(stderr, "fates: %s\n", error.message.c_str());
    return 1;
  }
}
