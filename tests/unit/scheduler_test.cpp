// The scheduler with workers that do nothing by themselves (scheduler_bench.hpp).
#include "tests/unit/scheduler_bench.hpp"

using namespace flame;
using namespace flame::runner;
using namespace flame::runner::testing;

TEST_CASE("a worker is fed one call until it was measured, then many") {
  Bench bench(1);
  const auto f = bench.bind();
  for (int i = 0; i < 100; ++i) bench.call(f);
  REQUIRE(bench.workers.size() == 1);
  CHECK(bench.workers[0]->given() == 1);
  bench.workers[0]->hello();
  bench.workers[0]->run_one();
  bench.workers[0]->run_one();
  CHECK(bench.workers[0]->given() > 50);
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

TEST_CASE("a call that its worker does not survive: what it used is told before its end") {
  Bench bench(1);
  const auto f = bench.bind();
  f->phases = f->usage = true;
  FakeWorker& worker = bench.warm(f);
  bench.usages.clear();
  const auto call = bench.call(f);
  const WorkerEnd end{0, 11, 5 << 20, 9000};
  SUBCASE("since it began") {
    worker.page().metered_cpu_us = 2000;
    worker.page().metered = worker.begin();
    worker.end(end);
    CHECK(bench.usages[call->id].ends_with(R"("cpu_ms":7,"peak_bytes":5242880})"));
  }
  SUBCASE("the plugin scribbled on the page: no less than nothing") {
    worker.page().metered_cpu_us = worker.page().metered_wall_us = ~0ULL;
    worker.page().metered = worker.begin();
    worker.end(end);
    CHECK(bench.usages[call->id].ends_with(R"("run_ms":0,"cpu_ms":0,"peak_bytes":5242880})"));
  }
  SUBCASE("it had not begun to be metered") {
    worker.begin();
    worker.end(end);
    CHECK(bench.usages.empty());
  }
  CHECK(bench.ends[call->id] == "crashed ");
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

TEST_CASE("withdrawn: only what waits behind others, and what has begun goes on") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto runs = bench.call(f), waits = bench.call(f), begins = bench.call(f);
  bench.scheduler->withdraw(runs);  // nothing stands before it
  CHECK(worker.begin() == runs->number);
  bench.scheduler->withdraw(runs);
  CHECK(bench.ends.empty());
  bench.scheduler->withdraw(waits);
  CHECK(bench.ends[waits->id] == "never_begun ");
  bench.ends.erase(waits->id);
  worker.page().begun = begins->number;  // raised before the bit is set
  bench.scheduler->withdraw(begins);
  CHECK(bench.ends.empty());
  CHECK_FALSE(worker.killed);
}

TEST_CASE("withdrawn from the queue: answered at once, and never run") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto first = bench.call(f);
  worker.begin();
  std::vector<CallPtr> behind;
  while (bench.scheduler->queued() < wire::kFeedAheadMaxCount + 2) behind.push_back(bench.call(f));
  REQUIRE(behind.back()->state == Call::State::queued);
  bench.scheduler->withdraw(behind.back());
  CHECK(bench.ends[behind.back()->id] == "never_begun ");
  bench.scheduler->withdraw(behind.back());  // once more does nothing
  CHECK(bench.ends.size() == 1);
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

TEST_CASE("a worker that is killed while it loads is given nothing more") {
  Bench bench(1);
  const auto f = bench.bind();
  const auto first = bench.call(f);
  f->known->mean_us = 10;  // so that a call may stand behind another
  bench.scheduler->cancel(first);
  FakeWorker& worker = *bench.workers[0];
  CHECK(worker.killed);
  const auto next = bench.call(f);
  CHECK(next->state == Call::State::queued);
  worker.die(9);
  REQUIRE(bench.workers.size() == 2);
  bench.workers[1]->hello();
  bench.run_all();
  CHECK(bench.ends[first->id] == "never_begun ");
  CHECK(bench.ends[next->id] == "done ");
}

TEST_CASE("a worker whose socket has ended is given nothing more, also while its last answers are taken") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto last = bench.call(f);
  worker.begin();
  worker.dying = true;
  for (int i = 0; i < 10; ++i) bench.call(f);
  CHECK(worker.given() == 0);
  worker.held = last->number;
  worker.take_unsent();
  CHECK(worker.given() == 0);
  worker.die();
  bench.workers[1]->hello();
  bench.run_all();
  CHECK(bench.tally(2) == Tally{{"done ", 11}});
}

TEST_CASE("an answer that is held behind a long call comes before anything else that is due") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  const auto first = bench.call(f), quick = bench.call(f), lasts = bench.call(f, 15);
  bench.loop.run_one();  // silent: from now on it is looked at seldom
  worker.begin();
  worker.say(FrameType::result, first->number, "1");
  worker.listener->frames_over();
  worker.held = worker.begin();
  worker.begin();
  while (bench.ends[quick->id].empty() && !worker.killed) bench.loop.run_one();
  CHECK_FALSE(worker.killed);  // the deadline of the long one was not met first
  CHECK(lasts->state == Call::State::fed);
}

TEST_CASE("all are cancelled: those that wait, and those that run") {
  Bench bench(1);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  f->known->mean_us = 1e6;
  for (int i = 0; i < 5; ++i) bench.call(f);
  worker.begin();
  bench.scheduler->cancel_all();
  CHECK(bench.tally(2) == Tally{{"never_begun ", 4}, {"", 1}});
  worker.die(9);
  CHECK(bench.tally(2) == Tally{{"never_begun ", 4}, {"cancelled ", 1}});
}

TEST_CASE("why a worker is no more") {
  Bench bench(1, 1000 << 20);
  const auto f = bench.bind();
  const auto call = [&] {
    const auto made = bench.call(f);
    FakeWorker& worker = *bench.workers.back();
    worker.hello();
    worker.begin();
    return made;
  };
  const auto count = [&](WorkerCause why) {
    return bench.scheduler->worker_counts().ended[static_cast<std::size_t>(why)];
  };
  const auto die = [&](WorkerEnd end) { std::exchange(bench.workers.back()->listener, nullptr)->ended(end); };
  auto made = call();
  die({0, 11, 0, 0});
  CHECK(count(WorkerCause::crashed) == 1);
  made = call();
  die({3, 0, 0, 0});
  CHECK(count(WorkerCause::exited) == 1);
  made = call();
  die({0, 9, 0, 0, true});  // the kernel had no memory
  CHECK(bench.kinds[made->id] == "out_of_memory");
  made = call();
  die({0, 9, 1001 << 20, 0});  // it took too much before anybody looked
  CHECK(bench.kinds[made->id] == "out_of_memory");
  CHECK(count(WorkerCause::out_of_memory) == 2);
  made = call();
  die({0, 9, 999 << 20, 0});  // somebody else
  CHECK(bench.kinds[made->id] == "crashed");
  made = call();
  bench.scheduler->end_workers();
  die({0, 0, 0, 0});
  CHECK(count(WorkerCause::exited) == 2);  // in the middle of a call
  bench.call(f);
  bench.workers.back()->die(11);
  CHECK(count(WorkerCause::unloadable) == 1);
  made = call();
  bench.workers.back()->say(FrameType::result, made->number, "1");
  bench.workers.back()->listener->frames_over();
  bench.scheduler->end_workers();
  die({0, 0, 0, 0});
  CHECK(count(WorkerCause::left) == 1);
  CHECK(bench.scheduler->worker_counts().started == 8);
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

TEST_CASE("a worker that comes near its limit is looked at more often") {
  Bench bench(1, 1000);
  const auto f = bench.bind();
  FakeWorker& worker = bench.warm(f);
  bench.call(f);
  worker.begin();
  worker.memory = 600;
  while (worker.looks_at_memory == 0) bench.loop.run_one();
  worker.memory = 1001;
  const auto waits = bench.call(f, 15);
  while (!worker.killed && bench.ends[waits->id].empty()) bench.loop.run_one();
  CHECK(worker.killed);  // before 15 ms are over
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
