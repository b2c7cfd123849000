// The pure pieces of map: items, arguments, the window, the job log, policies, pace, times; and
// WebSocket messages.
#include <doctest/doctest.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "base/fd.hpp"
#include "client/link/websocket.hpp"
#include "client/map/depth.hpp"
#include "client/map/encoder.hpp"
#include "client/map/format.hpp"
#include "client/map/items.hpp"
#include "client/map/joblog.hpp"
#include "client/map/output.hpp"
#include "client/map/policy.hpp"
#include "client/map/statistics.hpp"
#include "client/map/window.hpp"

using namespace flame;
using namespace flame::client;

namespace {

// All items of a text that comes in steps of this size.
std::vector<std::string> items_of(ItemSplitter splitter, std::string_view text, std::size_t step) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t size = std::min(step, text.size());
    text.copy(splitter.prepare(size + 7), size);
    splitter.commit(size);
    text.remove_prefix(size);
    while (const auto item = splitter.next()) out.emplace_back(*item);
  }
  splitter.finish();
  while (const auto item = splitter.next()) out.emplace_back(*item);
  CHECK(splitter.at_end());
  return out;
}

using Strings = std::vector<std::string>;

std::vector<std::string> arguments_of(const std::string& list, std::uint32_t count) {
  std::string copy = list;
  char* at = copy.data();
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    const wire::Argument argument = wire::take_argument(at, copy.data() + copy.size());
    out.push_back(std::to_string(static_cast<int>(argument.kind)) + ":" + std::string(argument.value));
  }
  CHECK(at == copy.data() + copy.size());
  return out;
}

Strings encoded(const ArgumentEncoder& encoder, std::string_view item) {
  std::string list;
  const std::uint32_t count = encoder.append(list, item);
  return arguments_of(list, count);
}

CallArgument word(const std::string& text) {
  CallArgument out;
  out.value = text;
  return out;
}

ErrorKind kind_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Error& error) {
    return error.kind;
  }
  return ErrorKind::internal;
}

}  // namespace

TEST_CASE("items: lines in steps of any size; the last without newline counts; CR is kept") {
  for (const std::size_t step : {1U, 2U, 3U, 100U}) {
    CHECK(items_of(ItemSplitter('\n'), "a\n\nb c\r\nlast", step) == Strings{"a", "", "b c\r", "last"});
    CHECK(items_of(ItemSplitter('\n'), "a\n", step) == Strings{"a"});
    CHECK(items_of(ItemSplitter('\n'), "\n", step) == Strings{""});
    CHECK(items_of(ItemSplitter('\0'), std::string_view("a\nb\0c", 5), step) == Strings{"a\nb", "c"});
    CHECK(items_of(ItemSplitter('\n', true), "a,\"x\ny\"\nb,\"\"\"\n\"\n", step) ==
          Strings{"a,\"x\ny\"", "b,\"\"\"\n\""});
  }
  CHECK(items_of(ItemSplitter('\n'), "", 1).empty());
}

TEST_CASE("items: ready says what next gives") {
  ItemSplitter splitter('\n');
  CHECK_FALSE(splitter.ready());
  std::string_view("ab").copy(splitter.prepare(2), 2);
  splitter.commit(2);
  CHECK_FALSE(splitter.ready());
  splitter.finish();
  CHECK(splitter.ready());
  CHECK(*splitter.next() == "ab");
  CHECK_FALSE(splitter.ready());
}

TEST_CASE("csv: fields, quotes, and what is wrong") {
  CHECK(csv_fields("a,b,,\"c,\"\"d\"\"\"\r") == Strings{"a", "b", "", "c,\"d\""});
  CHECK(csv_fields("") == Strings{""});
  CHECK(csv_fields("\"two\nlines\",x") == Strings{"two\nlines", "x"});
  for (const char* bad : {"\"open", "a\"b", "\"a\"b"})
    CHECK(kind_of([&] { csv_fields(bad); }) == ErrorKind::bad_arguments);
}

TEST_CASE("json: an array is the argument list, its elements as they are written") {
  using Views = std::vector<std::string_view>;
  CHECK(*json_elements(" [1, \"a,]\\\"\" ,[2,3],{\"x\":[4,5]}, 18446744073709551616 ] ") ==
        Views{"1", "\"a,]\\\"\"", "[2,3]", "{\"x\":[4,5]}", "18446744073709551616"});
  CHECK(json_elements("[]")->empty());
  CHECK_FALSE(json_elements("{\"a\":[1]}"));
  CHECK_FALSE(json_elements("\"[1]\""));
  for (const char* bad : {"[1", "[1]]"})
    CHECK(kind_of([&] { json_elements(bad); }) == ErrorKind::bad_arguments);
}

TEST_CASE("arguments: behind the fixed ones, or where the token is") {
  CHECK(encoded({ItemFormat::lines, {word("5")}, ""}, "x y") == Strings{"1:5", "1:x y"});
  CHECK(encoded({ItemFormat::lines, {word("{}"), word("5")}, "{}"}, "-x") == Strings{"1:-x", "1:5"});
  CHECK(encoded({ItemFormat::lines, {word("a{}b{}"), word("{}")}, "{}"}, "1") == Strings{"1:a1b1", "1:1"});
  CHECK(encoded({ItemFormat::json, {word("5")}, ""}, "[1,\"a\"]") == Strings{"1:5", "2:1", "2:\"a\""});
  CHECK(encoded({ItemFormat::json, {}, ""}, " {\"a\":1} ") == Strings{"2:{\"a\":1}"});
  CHECK(encoded({ItemFormat::json, {word("X"), word("9")}, "X"}, "[1,2]") == Strings{"2:1", "2:2", "1:9"});
  CHECK(kind_of([] { ArgumentEncoder(ItemFormat::lines, {word("a")}, "{}"); }) == ErrorKind::usage);
  CHECK(kind_of([] { ArgumentEncoder(ItemFormat::json, {word("a{}")}, "{}"); }) == ErrorKind::usage);
  CHECK(kind_of([] { ArgumentEncoder(ItemFormat::csv, {word("{}")}, "{}"); }) == ErrorKind::usage);
}

TEST_CASE("arguments: CSV columns go to parameters by name") {
  const auto signature = wire::parse_signature("(n: i64, a: string, b: string?) -> i64");
  ArgumentEncoder encoder(ItemFormat::csv, {word("7")}, "");
  encoder.set_columns("b,other,a", signature);
  CHECK(encoded(encoder, "1,2,3") == Strings{"1:7", "1:3", "1:1"});
  CHECK(kind_of([&] {
          std::string out;
          encoder.append(out, "1,2");
        }) == ErrorKind::bad_arguments);
  ArgumentEncoder without(ItemFormat::csv, {word("7")}, "");
  without.set_columns("a", signature);
  CHECK(encoded(without, "x") == Strings{"1:7", "1:x", "2:null"});
  ArgumentEncoder wrong(ItemFormat::csv, {word("7")}, "");
  CHECK(kind_of([&] { wrong.set_columns("b", signature); }) == ErrorKind::usage);
}

TEST_CASE("window: order, room, and memory given back") {
  Window window(3, 100'000, true);
  const ItemIndex a = window.add(1, "a"), b = window.add(2, "b"), c = window.add(3, "c");
  CHECK_FALSE(window.has_room(0));
  window[b].state = Item::State::ended;
  CHECK(window.front() == nullptr);
  CHECK_FALSE(window.is_front(b));
  CHECK(window.is_front(a));
  window[a].state = Item::State::ended;
  CHECK(window.front() == &window[a]);
  window.pop_front();
  CHECK(window.front() == &window[b]);
  window.pop_front();
  CHECK(window.front() == nullptr);
  window[c].state = Item::State::in_flight;
  window.add(4, std::string(200'000, 'x'));
  CHECK_FALSE(window.has_room(0));  // by bytes
  window.drop_waiting();
  CHECK(window.count() == 1);
  CHECK(window.has_room(0));
  window.add_result(window[c], "result");
  window.release(c);
  CHECK(window.bytes() == 0);
  CHECK(Window(1, 10, false).has_room(1'000'000));  // one always goes
}

TEST_CASE("halt: words, counts, percents") {
  CHECK(parse_halt("now,fail=1")->reached(1, 1));
  CHECK_FALSE(parse_halt("soon,fail=2")->reached(1, 100));
  CHECK(parse_halt("soon,fail=2")->when == HaltPolicy::When::soon);
  const auto half = *parse_halt("now,fail=50%");
  CHECK_FALSE(half.reached(2, 2));  // too few to tell
  CHECK(half.reached(3, 6));
  CHECK_FALSE(half.reached(3, 7));
  CHECK_FALSE(parse_halt("never")->reached(9, 9));
  for (const char* bad :
       {"", "now", "now,fail", "now,fail=0", "now,fail=x", "later,fail=1", "now,fail=101%", "now,done=1"})
    CHECK_FALSE(parse_halt(bad));
}

TEST_CASE("retries: what never began moves on; what may have begun only if it is safe or asked for") {
  const auto error = [](ErrorKind kind, Fate fate) { return Error(kind, "x").with_fate(fate); };
  const Error lost = error(ErrorKind::lost, Fate::unknown), failed = error(ErrorKind::failed, Fate::failed);
  CHECK(retry_delay({0, false}, error(ErrorKind::lost, Fate::never_begun), 9, 0) == milliseconds(0));
  CHECK(retry_delay({0, false}, error(ErrorKind::busy, Fate::never_begun), 9, 0) == milliseconds(0));
  CHECK_FALSE(retry_delay({0, false}, lost, 1, 0));
  CHECK(retry_delay({0, true}, lost, 1, 0) == milliseconds(0));
  CHECK_FALSE(retry_delay({0, true}, lost, 6, 0));  // not for ever
  CHECK_FALSE(retry_delay({0, true}, error(ErrorKind::crashed, Fate::crashed), 1, 0));
  CHECK_FALSE(retry_delay({0, true}, failed, 1, 0));
  CHECK(retry_delay({2, false}, failed, 1, 1) == milliseconds(100));
  CHECK(retry_delay({2, false}, failed, 2, 1) == milliseconds(200));
  CHECK(retry_delay({2, false}, failed, 2, 0) == milliseconds(100));
  CHECK_FALSE(retry_delay({2, false}, failed, 3, 1));
  CHECK(retry_delay({50, false}, failed, 40, 1) == milliseconds(10'000));
  CHECK_FALSE(retry_delay({2, false}, error(ErrorKind::bad_arguments, Fate::never_begun), 1, 0));
  CHECK_FALSE(retry_delay({2, false}, error(ErrorKind::cancelled, Fate::cancelled), 1, 0));
}

TEST_CASE("job log: lines there and back") {
  JobRecord record;
  record.seq = 7;
  record.runner = "r";
  record.hash = JobHasher("sha", "fn", "args")("item");
  record.item = "a\tb\nc\\\x01";
  record.fate = Fate::failed;
  std::string line;
  append_job_line(line, record);
  CHECK(line.ends_with("\ta\\tb\\nc\\\\\\x01\n"));
  line.pop_back();
  const auto key = read_job_line(line);
  REQUIRE(key);
  CHECK(key->seq == 7);
  CHECK_FALSE(key->done);
  CHECK(key->hash == record.hash);
  for (const char* bad :
       {"", "seq\tstart", "x\t1\tr\t1\t0\t0\tdone\t00000000000000000000000000000000\ti",
        "1\t1\tr\t1\t0\t0\tdone\tshort\ti", "1\t1\tr\t1\t0\t0\tgone\t00000000000000000000000000000000\ti"})
    CHECK_FALSE(read_job_line(bad));
  CHECK(JobHasher("sha", "fn", "args")("item") == record.hash);
  CHECK(JobHasher("sha2", "fn", "args")("item") != record.hash);
  CHECK(JobHasher("sha", "fn2", "args")("item") != record.hash);
  CHECK(JobHasher("sha", "fn", "args2")("item") != record.hash);
  CHECK(JobHasher("sha", "fn", "args")("item2") != record.hash);
}

TEST_CASE(
    "job history: equal items are counted; a repeated entry is one; failed ones are repeated if asked") {
  using Verdict = JobHistory::Verdict;
  JobHistory history;
  history.add({1, false, "A"});
  history.add({3, true, "A"});
  history.add({1, true, "A"});  // the first, tried again by a later run
  history.add({2, false, "B"});
  CHECK(history.ask("A", 1, false).verdict == Verdict::skip);
  CHECK(history.ask("A", 2, false).verdict == Verdict::skip);
  const auto third = history.ask("A", 3, false);
  CHECK(third.verdict == Verdict::run);
  CHECK(third.seq > 3);  // 3 is taken by an equal item
  CHECK(history.ask("C", 9, true).seq == 9);
  const auto again = history.ask("B", 5, true);
  CHECK(again.verdict == Verdict::retry);
  CHECK(again.seq == 2);
}

TEST_CASE("job log: a torn last line is cut off; entries come only after their bytes; no mixing") {
  char path[] = "/tmp/flame-joblog-XXXXXX";
  ::close(::mkstemp(path));
  const std::string hash(32, 'a');
  JobRecord record;
  record.seq = 1;
  record.hash = hash;
  {
    JobLog log(path, nullptr);
    CHECK(kind_of([&] { JobLog second(path, nullptr); }) == ErrorKind::usage);  // locked
    log.add(10, record);
    log.flush(9);
    CHECK(read_file(path, 10'000) == kJobLogHeader);
    log.flush(10);
    CHECK(read_file(path, 10'000).size() > kJobLogHeader.size());
  }
  CHECK(kind_of([&] { JobLog log(path, nullptr); }) == ErrorKind::usage);  // it has entries
  const std::string whole = read_file(path, 10'000);
  std::ofstream(path, std::ios::app) << "2\t17.0\thalf a li";
  JobHistory history;
  { JobLog log(path, &history); }
  CHECK(read_file(path, 10'000) == whole);
  CHECK(history.ask(hash, 1, false).verdict == JobHistory::Verdict::skip);
  CHECK(history.ask(hash, 1, false).verdict == JobHistory::Verdict::run);
  std::ofstream(path, std::ios::trunc) << "something else\n";
  CHECK(kind_of([&] { JobLog log(path, &history); }) == ErrorKind::usage);
  ::unlink(path);
}

TEST_CASE("depth: tiny calls deep, slow ones shallow, never over the credit") {
  const auto run = [](double per_second, milliseconds latency) {
    Depth depth(2, 1024);
    Clock::time_point now{std::chrono::seconds(100)};
    for (int i = 0; i < 200; ++i) {
      now += milliseconds(20);
      depth.ended(std::max(1U, static_cast<std::uint32_t>(per_second / 50)), depth.target(), latency, now);
    }
    return depth.target();
  };
  CHECK(run(400'000, milliseconds(1)) == 1024);
  CHECK(run(400, milliseconds(5)) <= 12);
  CHECK(run(400, milliseconds(5)) >= 4);
  CHECK(run(50, milliseconds(100)) >= 6);  // a far runner: what is on the way counts
  Depth limited(2, 1024);
  limited.limit_wait(milliseconds(50));
  CHECK(limited.target() == 2);
}

TEST_CASE("times: percentiles within a sixteenth") {
  Histogram times;
  CHECK(times.percentile(50) == 0);
  for (int i = 1; i <= 1000; ++i) times.add(i);
  CHECK(times.percentile(50) == doctest::Approx(500).epsilon(0.07));
  CHECK(times.percentile(99) == doctest::Approx(990).epsilon(0.07));
  Histogram one;
  one.add(0.003);
  CHECK(one.percentile(99) == doctest::Approx(0.003).epsilon(0.1));
}

TEST_CASE("an item as people see it") {
  CHECK(shown_item("a\033[2J") == "a\\x1b[2J");
  CHECK(shown_item(std::string(79, 'a') + "é") == std::string(79, 'a') + "…");
}

TEST_CASE("output: what a pipe does not take waits; a reader that goes away is told") {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  UniqueFd reader(ends[0]), writer(ends[1]);
  Output output(writer.get());
  output.buffer().assign(1024 * 1024, 'x');
  CHECK(output.flush());
  CHECK(output.pending() > 0);
  CHECK(output.added() == 1024 * 1024);
  CHECK(output.written() + output.pending() == output.added());
  reader.reset();
  ::signal(SIGPIPE, SIG_IGN);
  CHECK_FALSE(output.flush());
}

TEST_CASE("WebSocket: messages in steps of any size; pings; what is refused") {
  std::string frame;
  wire::append_frame(frame, wire::FrameType::result, 0, 5, std::string(70'000, 'r'));
  std::string bytes;
  const auto head = [&](int first, std::size_t size) {
    bytes += static_cast<char>(first);
    bytes += static_cast<char>(127);
    for (int shift = 56; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  };
  head(0x02, 10);  // a message in two pieces, a ping between them
  bytes += frame.substr(0, 10);
  bytes += std::string("\x89\x02hi", 4);
  head(0x80, frame.size() - 10);
  bytes += frame.substr(10);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, bytes.size()}) {
    MessageReader reader;
    wire::FrameReader frames;
    std::string ping;
    bool pinged = false;
    for (std::size_t at = 0; at < bytes.size(); at += step) {
      reader.feed(std::string_view(bytes).substr(at, step), frames);
      pinged = reader.take_ping(ping) || pinged;
    }
    CHECK(pinged);
    CHECK(ping == "hi");
    const auto got = frames.next();
    REQUIRE(got);
    CHECK(got->call == 5);
    CHECK(got->body.size() == 70'000);
    CHECK_FALSE(frames.next());
  }
  for (const auto& bad :
       {std::string("\x82\x81xxxx", 6), std::string("\x81\x01x", 3), std::string("\xc2\x01x", 3),
        std::string("\x82\x7f\0\0\0\0\x01\0\0\0", 10), std::string("\x89\x7e\0\x7e", 4)}) {
    MessageReader reader;
    wire::FrameReader frames;
    CHECK(kind_of([&] { reader.feed(bad, frames); }) == ErrorKind::protocol);
  }
}

TEST_CASE("WebSocket: a masked message unmasks to what it was") {
  MessageWriter writer;
  for (const std::size_t size : {0U, 1U, 7U, 8U, 9U, 125U, 126U, 70'000U}) {
    const std::string payload(size, 'p');
    std::string out;
    writer.append(out, Opcode::binary, payload);
    const std::size_t mask_at = size < 126 ? 2 : size < 65536 ? 4 : 10;
    REQUIRE(out.size() == mask_at + 4 + size);
    std::string back = out.substr(mask_at + 4);
    for (std::size_t i = 0; i < size; ++i) back[i] = static_cast<char>(back[i] ^ out[mask_at + i % 4]);
    CHECK(back == payload);
  }
}
