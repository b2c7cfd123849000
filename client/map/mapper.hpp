// The loop behind run_map: one poll() for input, output, links and boots. Four source files: mapper.cpp (the
// loop), mapper_feed.cpp (items out), mapper_answers.cpp (results in), mapper_runners.cpp (who works).
#pragma once
#include <poll.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

#include "client/map/fleet.hpp"
#include "client/map/items.hpp"
#include "client/map/joblog.hpp"
#include "client/map/map.hpp"
#include "client/map/map_runner.hpp"
#include "client/map/output.hpp"
#include "client/map/results_dir.hpp"
#include "client/map/trace.hpp"
#include "client/pool/policy.hpp"

namespace flame::client {

class Mapper {
 public:
  Mapper(Pool& pool, const MapTask& task, const MapSettings& settings, const MapEvents& events);
  MapOutcome run();

 private:
  static constexpr std::size_t kWindowMaxCount = 32 * 1024;
  static constexpr std::size_t kWindowMaxBytes = 8 * 1024 * 1024;
  static constexpr std::size_t kOutputMaxBytes = 1024 * 1024;  // waiting for stdout's reader

  // the loop
  void loop();
  bool over() const;
  bool write_out();
  void wait();
  Clock::time_point wake_at() const;
  void take_events();
  void make_links_again();
  void interrupted();
  void stop_feeding();
  void cancel_all();
  void leave_runners();
  void reader_gone();
  void finish();
  void tell_progress(bool now);

  // items out
  void feed();
  bool may_feed() const { return feeding_ && output_.pending() < kOutputMaxBytes; }
  bool has_room() const;
  bool wants_input() const;
  void read_input();
  std::optional<ItemIndex> next_item();
  bool read_header();
  void send(ItemIndex index, MapRunner& runner);
  void send_as_input(ItemIndex index, MapRunner& runner);
  void send_file(ItemIndex index, MapRunner& runner);
  void begin_call(const Item& item);
  void put_call(MapRunner& runner, ItemIndex index, std::uint32_t count);
  void pump(MapRunner& runner);
  bool pump(MapRunner& runner, LongCall& call);
  void flush_runners();

  // results in
  void receive(MapRunner& runner);
  void take(MapRunner& runner, const wire::Frame& frame);
  void take_log(std::string_view body);
  void take_usage(Item& item, std::string_view body);
  void take_window(MapRunner& runner, const wire::Frame& frame);
  void leave_runner(MapRunner& runner, ItemIndex index);
  void done(ItemIndex index, std::string_view body);
  void failed(ItemIndex index, Error error);
  bool goes_again(ItemIndex index, const Error& error);
  bool sends_plugin(ItemIndex index, Error& error);
  void take_shipped(MapRunner& runner, const wire::Frame& frame);
  bool given_up(const Item& item) const;
  void emit(Item& item, std::string_view result);
  void emit_ready();
  void log(const Item& item, std::string_view runner, double ms);
  void lost(MapRunner& runner, const Error& error);

  // who works
  bool somebody_serves() const;
  MapRunner* best_runner(std::uint8_t rung = 0);
  void grow();
  void find_first();
  void boot_first();
  void boot(std::uint32_t count);
  void too_costly();
  double queued(double slots, double items_per_second) const;
  std::uint32_t least_runners() const {
    return std::max(settings_.runners_min, static_cast<std::uint32_t>(pool_.settings().min));
  }
  PoolState scaling();
  ScalingDecision decide();
  void add_runner(std::unique_ptr<Link> link, std::uint8_t rung = 0);
  void runner_gone(MapRunner& runner);
  void append_binds(MapRunner& runner) const;
  std::string bind_body(std::uint32_t number, bool usage) const;
  double price_of(Pool& pool, const std::string& runner);
  void count_cost();

  // greater guests
  struct Rung {
    explicit Rung(const PoolSettings& settings, Deadline deadline) : pool(settings), fleet(pool, deadline) {}
    Pool pool;
    Fleet fleet;
    std::deque<ItemIndex> waiting;
  };
  bool climbs(ItemIndex index, const Error& error);
  struct InQuestion {
    ItemIndex item;
    std::string runner;
    Error error;  // it was lost
  };
  void await_death(ItemIndex index, const std::string& runner, Error error);
  void settle_deaths(Fleet& fleet);
  void settle_all();
  void queue_again(ItemIndex index);
  void feed_rungs();
  void grow_rungs();
  void grow(Rung& rung, std::uint8_t number);
  Fleet& fleet_of(const MapRunner& runner) {
    return runner.rung == 0 ? fleet_ : rungs_[runner.rung - 1U]->fleet;
  }

  template <class Do>
  void each_runner(Do what) const {
    for (const auto& runner : runners_)
      if (runner) what(*runner);
  }

  Pool& pool_;
  const MapTask& task_;
  const MapSettings& settings_;
  const MapEvents& events_;
  ArgumentEncoder encoder_;
  ItemSplitter splitter_;
  Window window_;
  Output output_;
  Fleet fleet_;
  JobHasher hasher_;
  std::optional<JobHistory> history_;
  std::optional<JobLog> log_;
  std::optional<ResultsDir> results_;
  std::optional<Trace> trace_;
  std::optional<Ladder> ladder_;
  std::vector<std::unique_ptr<Rung>> rungs_;  // above the pool's own, as far as somebody climbed
  std::vector<InQuestion> in_question_;       // was it their machine's memory?

  std::vector<std::unique_ptr<MapRunner>> runners_;  // an index stays that of its runner; gaps are filled
  struct Known {
    std::string name;
    std::uint32_t slots = 1;
  };
  std::vector<Known> known_{1};  // all that there ever were, by their numbers; 0: none
  std::deque<ItemIndex> again_;  // to be sent anew
  std::multimap<Clock::time_point, ItemIndex> later_;
  MapCounts counts_;
  Statistics statistics_;
  MapEnd end_ = MapEnd::complete;
  Clock::time_point now_ = Clock::now(), started_ = now_;
  double unix_minus_steady_;  // seconds, for the job log's start
  std::minstd_rand random_;
  std::string scratch_;
  std::vector<RunnerLoad> loads_;
  std::vector<pollfd> waits_;
  std::vector<MapRunner*> waiting_;
  std::uint32_t in_flight_ = 0;
  std::uint32_t lost_in_a_row_ = 0;  // runners, with nothing done between
  int interrupts_ = 0;
  bool feeding_ = true, input_ended_ = false, header_read_ = false;
  bool input_ahead_ = false;  // the last read brought all that was asked for
  bool boot_checked_ = false;
  bool added_ = false;    // a runner, since the last feed
  bool work_ = false;     // there is an item to run, or was
  bool crowded_ = false;  // every runner has all that it should have, and there is more
  bool as_input_;         // the item is the function's input stream, not an argument
  double mean_item_bytes_ = 16, mean_result_bytes_ = 16;
  std::uint64_t input_left_bytes_ = 0;  // of a file; 0: not known

  ScalingReason told_reason_ = ScalingReason::enough, told_refusal_ = ScalingReason::enough;
  Clock::time_point grown_at_{}, crowded_since_{}, alone_since_{}, told_at_{};
  std::map<std::string, double> prices_;
  double gone_cost_ = 0;
  Clock::time_point rate_at_{};
  std::uint64_t rate_over_ = 0;
  double rate_ = 0;
};

}  // namespace flame::client
