// The loop behind run_map: one poll() for input, output and every link. Three source files: mapper.cpp (the
// loop), mapper_feed.cpp (items out), mapper_answers.cpp (results in).
#pragma once
#include <poll.h>

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "client/map/items.hpp"
#include "client/map/map.hpp"
#include "client/map/map_runner.hpp"
#include "client/map/output.hpp"

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
  bool over() const;
  void wait();
  void interrupted();
  void stop_feeding();
  void cancel_all();

  // items out
  void feed();
  bool may_feed() const { return feeding_ && output_.pending() < kOutputMaxBytes; }
  bool wants_input() const;
  bool somebody_serves() const;
  void read_input();
  std::optional<ItemIndex> next_item();
  bool read_header();
  MapRunner* best_runner();
  void find_runner();
  void add_runner(std::unique_ptr<Link> link);
  std::string bind_body() const;
  void send(ItemIndex index, MapRunner& runner);
  void send_as_input(ItemIndex index, MapRunner& runner);
  void send_file(ItemIndex index, MapRunner& runner);
  void put_call(MapRunner& runner, ItemIndex index, std::uint32_t count);
  void pump(MapRunner& runner);
  bool pump(MapRunner& runner, LongCall& call);
  void flush_runners();

  // results in
  void receive(MapRunner& runner);
  void take(MapRunner& runner, const wire::Frame& frame);
  void take_log(std::string_view body);
  void take_window(MapRunner& runner, const wire::Frame& frame);
  void leave_runner(MapRunner& runner, ItemIndex index);
  void done(ItemIndex index, std::string_view body);
  void failed(ItemIndex index, Error error);
  bool goes_again(const Item& item, const Error& error) const;
  void emit(Item& item, std::string_view result);
  void emit_ready();
  void lost(MapRunner& runner, const Error& error);
  void runner_gone(MapRunner& runner);

  Pool& pool_;
  const MapTask& task_;
  const MapSettings& settings_;
  const MapEvents& events_;
  ArgumentEncoder encoder_;
  ItemSplitter splitter_;
  Window window_;
  Output output_;
  std::vector<std::unique_ptr<MapRunner>> runners_;
  std::deque<ItemIndex> again_;  // to be sent anew
  MapCounts counts_;
  MapEnd end_ = MapEnd::complete;
  Clock::time_point now_ = Clock::now();
  std::string scratch_;
  std::uint32_t in_flight_ = 0;
  std::uint32_t lost_in_a_row_ = 0;  // runners, with nothing done between
  int interrupts_ = 0;
  bool feeding_ = true, input_ended_ = false, header_read_ = false;
  bool as_input_;  // the item is the function's input stream, not an argument
  double mean_item_bytes_ = 16, mean_result_bytes_ = 16;
};

}  // namespace flame::client
