// Puts load on a runner, to be measured alone, without `flame map` and its input and output:
//   load SOCKET PLUGIN FUNCTION [--calls N] [--credit N] [--one] [--stream BYTES] [--timeout-ms N] [WORD…]
// By default it keeps `credit` calls in flight, many in a message, and prints items/s. --one: one call at a
// time, µs each. --stream: BYTES of input to one call, whose output is counted; MiB/s.
#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/error.hpp"
#include "client/link/link.hpp"

using namespace flame;
using wire::FrameType;

namespace {

struct Plan {
  std::string socket, plugin, function;
  std::vector<std::string> words;
  std::uint64_t calls = 100'000, credit = 1024, stream_bytes = 0, timeout_ms = kUnlimitedMs;
  bool one = false;
};

Plan parse(int argc, char** argv) {
  Plan plan;
  std::vector<std::string> plain;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const auto number = [&] { return i + 1 < argc ? std::strtoull(argv[++i], nullptr, 10) : 0; };
    if (word == "--calls")
      plan.calls = number();
    else if (word == "--credit")
      plan.credit = number();
    else if (word == "--stream")
      plan.stream_bytes = number();
    else if (word == "--timeout-ms")
      plan.timeout_ms = number();
    else if (word == "--one")
      plan.one = true;
    else
      plain.push_back(word);
  }
  if (plain.size() < 3) throw Error(ErrorKind::usage, "load SOCKET PLUGIN FUNCTION [options] [WORD…]");
  plan.socket = plain[0];
  plan.plugin = plain[1];
  plan.function = plain[2];
  plan.words.assign(plain.begin() + 3, plain.end());
  return plan;
}

class Load {
 public:
  explicit Load(const Plan& plan)
      : plan_(plan), link_({plan.socket, {}, {}, {}}, Deadline::in(milliseconds(5000))) {
    wire::append_call_head(body_, {0, static_cast<std::uint32_t>(plan.words.size()), plan.timeout_ms});
    for (const auto& word : plan.words) wire::append_argument(body_, wire::ArgumentKind::word, word);
    std::string bind;
    wire::append_frame(
        bind, FrameType::bind, 0, 0,
        "{\"bind\":0,\"function\":\"" + plan.function + "\",\"path\":\"" + plan.plugin + "\"}");
    link_.queue(bind);
  }

  void pipeline() {
    std::string frames;
    while (answered_ < plan_.calls) {
      frames.clear();
      while (sent_ < plan_.calls && sent_ - answered_ < plan_.credit)
        wire::append_frame(frames, FrameType::call, 0, ++sent_, body_);
      if (!frames.empty()) link_.queue(frames);
      link_.flush();
      wait();
      while (link_.receive()) take();
    }
  }

  void one_at_a_time(std::vector<double>& took_us) {
    std::string frames;
    while (answered_ < plan_.calls) {
      const auto from = Clock::now();
      frames.clear();
      wire::append_frame(frames, FrameType::call, 0, ++sent_, body_);
      link_.queue(frames);
      link_.flush();
      while (answered_ < sent_) {
        // The waiting client may spin a little: waking an idle core takes longer than the call.
        bool came = false;
        while (!(came = link_.receive()) && Clock::now() - from < std::chrono::microseconds(50)) {
        }
        if (!came) wait();
        take();
      }
      took_us.push_back(std::chrono::duration<double, std::micro>(Clock::now() - from).count());
    }
  }

  void stream() {
    std::string frames;
    wire::append_frame(frames, FrameType::call, 0, 1, body_);
    link_.queue(frames);
    window_ = link_.window_bytes() - body_.size();
    const std::string piece(wire::kPieceBytes, 'a');
    std::uint64_t left = plan_.stream_bytes;
    bool ended = false;
    while (answered_ == 0) {
      frames.clear();
      while (left > 0 && window_ >= std::min<std::uint64_t>(left, piece.size()) &&
             link_.queued_bytes() < 4 * piece.size()) {
        const auto size = std::min<std::uint64_t>(left, piece.size());
        wire::append_frame(frames, FrameType::input, 0, 1, std::string_view(piece).substr(0, size));
        left -= size;
        window_ -= size;
        link_.queue(frames);
        frames.clear();
      }
      if (left == 0 && !std::exchange(ended, true)) {
        wire::append_frame(frames, FrameType::end_input, 0, 1, {});
        link_.queue(frames);
      }
      link_.flush();
      wait();
      while (link_.receive()) take();
    }
    if (output_ != plan_.stream_bytes) throw Error(ErrorKind::internal, "another number of bytes came back");
  }

 private:
  void wait() {
    pollfd at = {link_.fd(), static_cast<short>(POLLIN | (link_.queued_bytes() > 0 ? POLLOUT : 0)), 0};
    ::poll(&at, 1, 60'000);
    if ((at.revents & POLLOUT) != 0) link_.flush();
  }

  void take() {
    while (const auto frame = link_.next_received()) {
      if (frame->type == FrameType::window) window_ += wire::get_u64(frame->body.data());
      if (frame->type == FrameType::output) output_ += frame->body.size();
      if (frame->type == FrameType::error || frame->type == FrameType::busy)
        throw Error(ErrorKind::failed, std::string(frame->body));
      if (frame->type == FrameType::result) ++answered_;
    }
  }

  const Plan& plan_;
  client::Link link_;
  std::string body_;
  std::uint64_t sent_ = 0, answered_ = 0, window_ = 0, output_ = 0;
};

void run(const Plan& plan) {
  Load load(plan);
  const auto from = Clock::now();
  const auto seconds = [&] { return std::chrono::duration<double>(Clock::now() - from).count(); };
  if (plan.one) {
    std::vector<double> took_us;
    load.one_at_a_time(took_us);
    std::sort(took_us.begin(), took_us.end());
    std::printf("%.1f us median, %.1f p90\n", took_us[took_us.size() / 2], took_us[took_us.size() * 9 / 10]);
  } else if (plan.stream_bytes > 0) {
    load.stream();
    std::printf("%.0f MiB/s\n", static_cast<double>(plan.stream_bytes) / (1024 * 1024) / seconds());
  } else {
    load.pipeline();
    std::printf("%.0f items/s\n", static_cast<double>(plan.calls) / seconds());
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(parse(argc, argv));
    return 0;
  } catch (const Error& error) {
    std::fprintf(stderr, "load: %s\n", error.message.c_str());
  }
  return 1;
}
