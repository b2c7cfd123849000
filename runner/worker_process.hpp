// A worker of ours as a process: its socket, its page, what it prints, its nanny.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "base/process.hpp"
#include "runner/crash_watch.hpp"
#include "runner/kernel_memory.hpp"
#include "runner/plugin_source.hpp"
#include "runner/worker_port.hpp"

namespace flame::runner {

class WorkerProcess final : public WorkerPort, public std::enable_shared_from_this<WorkerProcess> {
 public:
  // Throws Error(system).
  static std::shared_ptr<WorkerProcess> start(boost::asio::io_context& loop, const Options& options,
                                              const PluginFile& plugin, Listener& listener);
  ~WorkerProcess() override;
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  std::string& outgoing() override { return outgoing_; }
  void flush() override;
  std::uint64_t position() override { return sent_bytes_ + sending_.size() + outgoing_.size(); }
  void pause_reading(bool on) override;
  void take_unsent() override;
  void close_input() override;
  void kill() override;
  bool ending() const override { return read_ended_ || nanny_ended_; }
  std::uint64_t memory_bytes() override;
  worker::SharedPage& page() override { return *page_; }
  wire::CrashReport crash(int signal, const std::string& sha256) const override {
    return crash_.report(signal, sha256.empty() ? sha256_ : sha256);
  }

 private:
  WorkerProcess(boost::asio::io_context& loop, Listener& listener, int plugin_fd);
  void read();
  bool take_frames(std::string_view bytes);
  bool received(std::size_t size);
  void await_end();
  void write();
  void watch_prints();
  bool read_prints();
  void drain_prints();
  void watch_end();
  void ended();
  bool orphans_ended();
  WorkerEnd how_it_ended() const;

  Listener* listener_;
  boost::asio::io_context& loop_;
  boost::asio::local::stream_protocol::socket socket_;
  boost::asio::posix::stream_descriptor prints_, pidfd_;
  Child nanny_;
  std::string statm_;  // path of the worker's, once it is known
  CrashWatch crash_;
  std::string sha256_;  // of the plugin, also when its bind named none
  worker::SharedPage* page_ = nullptr;
  wire::FrameReader reader_;
  std::string outgoing_, sending_, room_;
  // Positions in what the worker wrote: read from the socket, and handed on.
  std::uint64_t received_ = 0, taken_ = 0;
  std::uint64_t sent_bytes_ = 0;
  std::uint64_t printed_call_ = 0;  // whose prints the crash watch holds
  bool flush_posted_ = false, paused_ = false, reading_ = false, closing_ = false;
  StarvationWatch starvations_;
  boost::asio::steady_timer again_;
  bool read_ended_ = false, nanny_ended_ = false, told_end_ = false, broken_ = false;
  bool killed_ = false, disturbed_ = false;
};

}  // namespace flame::runner
