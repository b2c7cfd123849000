// A worker as its runner sees it: frames in and out, what it prints, and how it ended.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/process.hpp"
#include "runner/crash_watch.hpp"
#include "runner/worker/shared_page.hpp"
#include "wire/frame.hpp"

namespace flame::runner {

struct WorkerEnd {
  int code = 0;
  int signal = 0;
  std::uint64_t peak_bytes = 0, cpu_us = 0;
};

class WorkerProcess : public std::enable_shared_from_this<WorkerProcess> {
 public:
  struct Events {
    std::function<void(const wire::Frame&)> on_frame;
    std::function<void(std::string_view level, std::string_view text)> on_print;
    std::function<void(const WorkerEnd&)> on_end;  // once; the worker and all it started are gone
  };

  // plugin_fd: the plugin's bytes; load_path: where they may be loaded in place, or empty. Throws
  // Error(system).
  static std::shared_ptr<WorkerProcess> start(boost::asio::io_context& loop, const std::string& program,
                                              const std::string& sandbox, int plugin_fd,
                                              const std::string& path, const std::string& load_path,
                                              Events events);
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  void send(std::string_view frames);
  std::size_t unsent() const { return outgoing_.size() + sending_.size(); }
  void on_sent(std::function<void(std::size_t)> told) { told_sent_ = std::move(told); }
  void pause_reading(bool on);
  void drain_prints();
  void close_input();  // the worker ends in good order
  void kill();         // with all that it started
  worker::SharedPage& page() { return *page_; }
  const CrashWatch& crash() const { return crash_; }

 private:
  WorkerProcess(boost::asio::io_context& loop, Events events, int plugin_fd);
  void read();
  void write();
  void watch_prints(boost::asio::posix::stream_descriptor& pipe, std::string_view level);
  bool read_prints(boost::asio::posix::stream_descriptor& pipe, std::string_view level);
  void watch_end();
  void ended();

  Events events_;
  boost::asio::local::stream_protocol::socket socket_;
  boost::asio::posix::stream_descriptor stdout_, stderr_, pidfd_;
  Child nanny_;
  CrashWatch crash_;
  worker::SharedPage* page_ = nullptr;
  wire::FrameReader reader_;
  std::string outgoing_, sending_;
  std::function<void(std::size_t)> told_sent_;
  bool paused_ = false, reading_ = false, read_ended_ = false, nanny_ended_ = false, told_end_ = false;
};

}  // namespace flame::runner
