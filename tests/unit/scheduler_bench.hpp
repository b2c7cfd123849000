// Workers that do nothing by themselves, and a scheduler that has them: a test says what each has begun,
// answered, and when it dies.
#pragma once
#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/scheduler.hpp"

namespace flame::runner::testing {

using wire::FrameType;

class FakeWorker final : public WorkerPort {
 public:
  FakeWorker(Listener& told, std::string loads) : plugin(std::move(loads)), listener(&told) {}

  // Its own clock: a call takes 10 µs, however slow the machine.
  Clock::time_point now() const override { return clock_; }
  bool ending() const override { return dying; }
  void take_unsent() override {
    if (const std::uint64_t number = std::exchange(held, 0); number != 0) {
      say(FrameType::result, number, "1");
      listener->frames_over();
    }
  }

  std::string& outgoing() override { return out_; }
  void flush() override {}
  std::uint64_t position() override { return out_.size(); }
  void pause_reading(bool on) override { paused = on; }
  void close_input() override { closed = true; }
  void kill() override { killed = true; }
  std::uint64_t memory_bytes() override {
    ++looks_at_memory;
    return memory;
  }
  worker::SharedPage& page() override {
    if (looks_until_it_begins != 0 && --looks_until_it_begins == 0) ++page_.begun;
    return page_;
  }
  wire::CrashReport crash(int, const std::string&) const override { return {"SIGSEGV (test)", "{}"}; }

  // Calls that were given and not yet taken by the steps below.
  std::size_t given() {
    take();
    return calls.size();
  }
  void say(FrameType type, std::uint64_t call, std::string_view body = {}) {
    listener->frame({type, 0, call, body});
  }
  void hello() {
    say(FrameType::hello, 0, "{}");
    listener->frames_over();
  }
  // The next call begins, if it is not withdrawn. 0: there is none.
  std::uint64_t begin() {
    take();
    while (!calls.empty()) {
      const std::uint64_t number = calls.front();
      calls.pop_front();
      page_.begun = number;
      if (!page_.is_withdrawn(number)) return number;
      say(FrameType::withdrawn, number);
    }
    return 0;
  }
  bool run_one() {
    const std::uint64_t number = begin();
    if (number == 0) return false;
    clock_ += std::chrono::microseconds(10);
    say(FrameType::result, number, "1");
    listener->frames_over();
    return true;
  }
  void die(int signal = 11) { end({0, signal, 0, 0}); }
  void end(const WorkerEnd& how) {
    Listener* told = std::exchange(listener, nullptr);
    told->ended(how);
  }

  std::string plugin;
  std::uint64_t memory = 0;
  int looks_at_memory = 0;
  int looks_until_it_begins = 0;  // at the page, by the runner: then the next call begins
  std::deque<std::uint64_t> calls;
  bool paused = false, closed = false, killed = false, dying = false;
  std::uint64_t held = 0;  // a call whose answer is written and not sent
  Listener* listener;

 private:
  void take() {
    reader_.feed(out_);
    out_.clear();
    while (const auto frame = reader_.next()) {
      if (frame->type == FrameType::call && !frame->has(wire::flag::more)) calls.push_back(frame->call);
      if (frame->type == FrameType::bind)
        say(FrameType::bound, 0, R"x({"bind":0,"signature":"()","flags":""})x");
    }
  }
  std::string out_;
  Clock::time_point clock_{};
  worker::SharedPage page_{};
  wire::FrameReader reader_;
};

// A scheduler, its fake workers, and how often each call ended in which way.
class Bench final : public CallSink {
 public:
  explicit Bench(unsigned slots, std::uint64_t memory_bytes = 0, std::uint64_t max_calls = 0) {
    options_.slots = slots;
    options_.worker_memory_bytes = memory_bytes;
    options_.worker_max_calls = max_calls;
    scheduler.emplace(loop, options_, [this](const Bind& bind, auto& listener) {
      workers.push_back(std::make_shared<FakeWorker>(listener, bind.path));
      return workers.back();
    });
  }

  bool frame(Call& call, const wire::Frame& frame) override {
    if (frame.type == FrameType::result) ends[call.id] += "done ";
    if (frame.type == FrameType::usage) usages[call.id] += frame.body;
    if (frame.type == FrameType::error) {
      const auto kind = frame.body.find("\"kind\":\"") + 8;
      kinds[call.id] = frame.body.substr(kind, frame.body.find('"', kind) - kind);
      const auto at = frame.body.find("\"fate\":\"") + 8;
      ends[call.id] += std::string(frame.body.substr(at, frame.body.find('"', at) - at)) + " ";
    }
    return !full;
  }

  std::shared_ptr<Bind> bind(const std::string& path = "/a.so", bool fresh = false) {
    auto made = std::make_shared<Bind>();
    made->id = ++binds_;
    made->path = path;
    made->function = "f";
    made->environment_json = "{}";
    made->fresh = fresh;
    return made;
  }

  CallPtr call(const std::shared_ptr<Bind>& bind, std::uint64_t timeout_ms = kUnlimitedMs) {
    auto made = std::make_shared<Call>();
    made->id = ++calls_;
    made->bind = bind;
    made->sink = this;
    made->deadline = Deadline::from_remaining_ms(timeout_ms);
    std::string body;
    wire::append_call_head(body, {0, 0, timeout_ms});
    wire::append_frame(made->waiting, FrameType::call, 0, made->id, body);
    REQUIRE(scheduler->submit(made));
    return made;
  }

  // One worker with a function that was measured as quick.
  FakeWorker& warm(const std::shared_ptr<Bind>& bind) {
    call(bind);
    FakeWorker& worker = *workers.back();
    worker.given();
    worker.hello();
    worker.run_one();
    bind->known->mean_us = 10;
    ends.clear();
    return worker;
  }

  void run_all() {
    for (bool any = true; std::exchange(any, false);)
      for (std::size_t i = 0; i < workers.size(); ++i)
        while (workers[i]->listener != nullptr && workers[i]->run_one()) any = true;
  }

  // Every call from 1 to the last has ended once.
  std::map<std::string, int> tally(std::uint64_t from = 1) {
    std::map<std::string, int> out;
    for (std::uint64_t id = from; id <= calls_; ++id) ++out[ends[id]];
    return out;
  }

  boost::asio::io_context loop;
  std::optional<Scheduler> scheduler;
  std::vector<std::shared_ptr<FakeWorker>> workers;
  std::map<std::uint64_t, std::string> ends, kinds, usages;
  bool full = false;

 private:
  Options options_;
  std::uint64_t binds_ = 0, calls_ = 0;
};

using Tally = std::map<std::string, int>;

}  // namespace flame::runner::testing
