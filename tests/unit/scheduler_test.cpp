// The scheduler with workers that do nothing by themselves: the test says what each has begun, answered, and
// when it dies.
#include "runner/scheduler.hpp"

#include <doctest/doctest.h>

#include <boost/asio/io_context.hpp>
#include <map>
#include <set>

using namespace flame;
using namespace flame::runner;
using wire::FrameType;

namespace {

class FakeWorker final : public WorkerPort {
 public:
  FakeWorker(Listener& told, std::string loads) : plugin(std::move(loads)), listener(&told) {}

  std::string& outgoing() override { return out_; }
  void flush() override {}
  std::uint64_t position() override { return out_.size(); }
  void pause_reading(bool on) override { paused = on; }
  void close_input() override { closed = true; }
  void kill() override { killed = true; }
  std::uint64_t memory_bytes() override { return memory; }
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
    say(FrameType::result, number, "1");
    listener->frames_over();
    return true;
  }
  void die(int signal = 11) {
    Listener* told = std::exchange(listener, nullptr);
    told->ended({0, signal, 0, 0});
  }

  std::string plugin;
  std::uint64_t memory = 0;
  int looks_until_it_begins = 0;  // at the page, by the runner: then the next call begins
  std::deque<std::uint64_t> calls;
  bool paused = false, closed = false, killed = false;
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
  std::map<std::uint64_t, std::string> ends, kinds;
  bool full = false;

 private:
  Options options_;
  std::uint64_t binds_ = 0, calls_ = 0;
};

using Tally = std::map<std::string, int>;

}  // namespace

TEST_CASE("a worker is fed one call until it was measured, then many") {
  Bench bench(1);
  const auto f = bench.bind();
  for (int i = 0; i < 100; ++i) bench.call(f);
  REQUIRE(bench.workers.size() == 1);
  CHECK(bench.workers[0]->given() == 1);
  bench.workers[0]->hello();
  bench.workers[0]->run_one();
  f->known->mean_us = 10;
  bench.workers[0]->run_one();
  CHECK(bench.workers[0]->given() > 8);  // as many as the clock of a slow machine allows
  bench.run_all();
  CHECK(bench.tally() == Tally{{"done ", 100}});
  CHECK(bench.scheduler->idle());
}

TEST_CASE("a worker dies: one call crashed, those behind it run elsewhere") {
  Bench bench(1);
  const auto f = bench.bind();
  bench.warm(f);
  for (int i = 0; i < 20; ++i) bench.call(f);
  CHECK(bench.workers[0]->given() == 20);
  for (int i = 0; i < 5; ++i) bench.workers[0]->run_one();
  bench.workers[0]->begin();
  bench.workers[0]->die();
  REQUIRE(bench.workers.size() == 2);
  bench.workers[1]->hello();
  bench.run_all();
  CHECK(bench.tally(2) == Tally{{"done ", 19}, {"crashed ", 1}});
  CHECK(bench.ends[7] == "crashed ");
}

TEST_CASE("a worker that dies between calls costs none, but not for ever") {
  Bench bench(1);
  const auto f = bench.bind();
  bench.warm(f);
  bench.call(f);
  for (int i = 0; i < 4; ++i) {
    bench.workers.back()->die(9);
    REQUIRE(bench.workers.size() == static_cast<std::size_t>(i + 2));
    bench.workers.back()->hello();
    CHECK(bench.ends.empty());
  }
  bench.workers.back()->die(9);
  CHECK(bench.tally(2) == Tally{{"never_begun ", 1}});
}

TEST_CASE("a plugin that cannot load fails its calls, one worker each") {
  Bench bench(1);
  const auto f = bench.bind();
  bench.call(f);
  bench.call(f);
  bench.workers[0]->say(FrameType::error, 0, R"({"kind":"plugin_unloadable","fate":"never_begun"})");
  bench.workers[0]->die(0);
  REQUIRE(bench.workers.size() == 2);
  bench.workers[1]->die(11);
  CHECK(bench.tally() == Tally{{"never_begun ", 2}});
  CHECK(bench.scheduler->idle());
}

TEST_CASE("cancelled before it began: answered at once, and never run") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto runs = bench.call(f), waits = bench.call(f);
  CHECK(worker.begin() == runs->number);
  bench.scheduler->cancel(waits);
  CHECK(bench.ends[waits->id] == "never_begun ");
  CHECK_FALSE(worker.killed);
  worker.say(FrameType::result, runs->number);
  worker.listener->frames_over();
  CHECK_FALSE(worker.run_one());
  CHECK(bench.tally(2) == Tally{{"done ", 1}, {"never_begun ", 1}});
}

TEST_CASE("cancelled as it begins: the worker's word decides") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto first = bench.call(f);
  worker.given();
  worker.page().begun = first->number;  // raised before the bit is set, and the bit is seen
  bench.scheduler->cancel(first);
  CHECK(bench.ends.empty());
  worker.say(FrameType::withdrawn, first->number);
  worker.listener->frames_over();
  CHECK(bench.ends[first->id] == "never_begun ");
}

TEST_CASE("it begins between the bit and the look: nothing is proven") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto call = bench.call(f);
  worker.given();
  worker.looks_until_it_begins = 3;  // after the first look and the bit
  bench.scheduler->cancel(call);
  CHECK(bench.ends.empty());
  CHECK(worker.page().is_withdrawn(call->number));
  SUBCASE("the worker saw the bit") { worker.say(FrameType::withdrawn, call->number); }
  SUBCASE("the worker did not") { worker.say(FrameType::result, call->number, "1"); }
  worker.listener->frames_over();
  CHECK(bench.ends[call->id].size() > 1);
  CHECK_FALSE(worker.page().is_withdrawn(call->number));  // for the call that will use the bit next
}

TEST_CASE("a deadline kills only the call that it belongs to") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto late = bench.call(f, 1);
  const auto behind = bench.call(f);
  worker.given();
  SUBCASE("it runs: the worker goes, the next call is given to another") {
    worker.begin();
    const std::uint64_t next = behind->number;
    bench.loop.run_for(std::chrono::milliseconds(20));
    CHECK(worker.killed);
    CHECK(worker.page().is_withdrawn(next));  // it cannot begin before the kill has come
    worker.die(9);
    bench.workers[1]->hello();
    bench.run_all();
    CHECK(bench.ends[late->id] == "timed_out ");
    CHECK(bench.ends[behind->id] == "done ");
  }
  SUBCASE("the next has begun: its answer is on the way, and nothing is killed") {
    worker.begin();
    worker.begin();
    bench.loop.run_for(std::chrono::milliseconds(20));
    CHECK_FALSE(worker.killed);
    worker.say(FrameType::result, late->number);
    worker.say(FrameType::result, behind->number);
    worker.listener->frames_over();
    CHECK(bench.tally(2) == Tally{{"done ", 2}});
  }
  SUBCASE("it has not begun: withdrawn, and the worker lives") {
    bench.loop.run_for(std::chrono::milliseconds(20));
    CHECK_FALSE(worker.killed);
    CHECK(bench.ends[late->id] == "never_begun ");
    bench.run_all();
    CHECK(bench.ends[behind->id] == "done ");
  }
}

TEST_CASE("calls do not stand behind a slow one while another worker is free") {
  Bench bench(2);
  const auto f = bench.bind();
  FakeWorker& first = bench.warm(f);
  bench.call(f);
  bench.call(f);
  REQUIRE(bench.workers.size() == 2);
  FakeWorker& second = *bench.workers[1];
  second.given();
  second.hello();
  for (int i = 0; i < 40; ++i) bench.call(f);
  CHECK(first.given() > 5);
  const std::uint64_t stuck = first.begin();  // and runs for an hour
  CHECK(stuck > 0);
  while (second.run_one()) {
  }
  CHECK(bench.tally(2) == Tally{{"done ", 41}, {"", 1}});
}

TEST_CASE("a busy plugin gives a place to one that has none") {
  Bench bench(2);
  const auto a = bench.bind("/a.so"), b = bench.bind("/b.so");
  bench.warm(a);
  for (int i = 0; i < 300; ++i) bench.call(a);
  bench.workers[1]->given();
  bench.workers[1]->hello();
  bench.call(b);
  // Calls of a go on coming, for ever.
  for (int i = 0; i < 2000 && bench.workers.size() == 2; ++i) {
    if (bench.scheduler->queued() < 1000) {
      bench.call(a);
      bench.call(a);
    }
    for (const auto& worker : {bench.workers[0], bench.workers[1]}) {
      if (worker->listener != nullptr) worker->run_one();
      if (worker->closed && worker->listener != nullptr) worker->die(0);
    }
  }
  REQUIRE(bench.workers.size() == 3);
  CHECK(bench.workers[2]->plugin == "/b.so");
}

TEST_CASE("a worker with too much memory is killed; only the call that ran is out of memory") {
  Bench bench(1, 1000);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto hog = bench.call(f), behind = bench.call(f);
  worker.begin();
  worker.memory = 1000;
  bench.loop.run_for(std::chrono::milliseconds(50));
  CHECK_FALSE(worker.killed);
  worker.memory = 1001;
  bench.loop.run_for(std::chrono::milliseconds(50));
  CHECK(worker.killed);
  worker.die(9);
  bench.workers[1]->hello();
  bench.run_all();
  CHECK(bench.kinds[hog->id] == "out_of_memory");
  CHECK(bench.ends[behind->id] == "done ");
}

TEST_CASE("a worker is replaced after so many calls") {
  Bench bench(1, 0, 3);
  const auto f = bench.bind();
  bench.warm(f);
  for (int i = 0; i < 5; ++i) bench.call(f);
  FakeWorker& first = *bench.workers[0];
  CHECK(first.given() == 2);
  while (first.run_one()) {
  }
  CHECK(first.closed);
  first.die(0);
  REQUIRE(bench.workers.size() == 2);
  bench.workers[1]->hello();
  bench.run_all();
  CHECK(bench.tally(2) == Tally{{"done ", 5}});
}

TEST_CASE("fresh calls have workers of their own") {
  Bench bench(1);
  const auto f = bench.bind("/a.so", true);
  bench.call(f);
  bench.call(f);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(bench.workers.size() == i + 1);
    bench.workers[i]->given();
    bench.workers[i]->hello();
    CHECK(bench.workers[i]->run_one());
    CHECK_FALSE(bench.workers[i]->run_one());
    CHECK(bench.workers[i]->closed);
    bench.workers[i]->die(0);
  }
  CHECK(bench.tally() == Tally{{"done ", 2}});
}

TEST_CASE("a sink that is full stops the reading of its worker until it can take more") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto call = bench.call(f);
  worker.begin();
  bench.full = true;
  worker.say(FrameType::output, call->number, "x");
  CHECK(worker.paused);
  bench.scheduler->resume(bench);
  CHECK_FALSE(worker.paused);
}

TEST_CASE("frames of calls that are not next are nobody's") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto call = bench.call(f);
  worker.begin();
  worker.say(FrameType::result, call->number + 1, "1");
  worker.say(FrameType::result, call->number - 1, "1");
  worker.say(FrameType::withdrawn, 77);
  CHECK(bench.ends.empty());
}

TEST_CASE("the queue has an end, and says how long to wait") {
  Bench bench(1);
  const auto f = bench.bind();
  for (std::size_t i = 0; i < wire::kQueueMaxCount + 1; ++i) bench.call(f);
  auto more = std::make_shared<Call>();
  more->bind = f;
  more->waiting.assign(64, '\0');
  CHECK_FALSE(bench.scheduler->submit(more));
  f->known->mean_us = 10'000;
  CHECK(bench.scheduler->retry_after_ms() >= 5000);
  f->known->mean_us = 1;
  CHECK(bench.scheduler->retry_after_ms() <= 10);
}

TEST_CASE("workers that die at random: every call ends once, and no call runs twice") {
  Bench bench(3);
  const auto f = bench.bind();
  std::uint64_t seed = 42;
  const auto random = [&](std::uint64_t below) {
    return (seed = seed * 6364136223846793005U + 1) / 65536 % below;
  };
  std::vector<CallPtr> calls;
  for (int step = 0; step < 20'000; ++step) {
    if (step < 15'000 && bench.scheduler->queued() < 1000) calls.push_back(bench.call(f));
    if (f->known && step % 7 == 0) f->known->mean_us = static_cast<double>(1 + random(2000));
    const auto worker = bench.workers[random(bench.workers.size())];
    if (worker->listener == nullptr) continue;
    const std::uint64_t dice = random(100);
    if (worker->killed || (worker->closed && worker->given() == 0)) {
      worker->die(worker->killed ? 9 : 0);
    } else if (dice < 2) {
      worker->hello();
      worker->begin();
      worker->die();
    } else if (dice < 4) {
      bench.scheduler->cancel(calls[random(calls.size())]);
    } else {
      worker->given();
      worker->hello();
      worker->run_one();
    }
    if (bench.workers.size() > 8)
      std::erase_if(bench.workers, [](const auto& w) { return w->listener == nullptr; });
  }
  for (int round = 0; round < 100 && !bench.scheduler->idle(); ++round) {
    bench.loop.poll();
    for (std::size_t i = 0; i < bench.workers.size(); ++i) {
      FakeWorker& worker = *bench.workers[i];
      if (worker.listener == nullptr) continue;
      worker.hello();
      while (worker.run_one()) {
      }
      worker.die(9);
    }
  }
  CHECK(bench.scheduler->idle());
  const Tally tally = bench.tally();
  for (const auto& [how, count] : tally) {
    CAPTURE(how);
    CHECK(how.find(' ') == how.size() - 1);  // one end, not none, not two
  }
  CHECK(tally.at("done ") > 5000);
  CHECK(tally.at("crashed ") > 50);
}
