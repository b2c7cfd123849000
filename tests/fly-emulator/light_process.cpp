#include "light_process.hpp"

#include <unistd.h>

#include <boost/asio/post.hpp>

#include "http_server.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

constexpr std::uint16_t kPort = 8080;

class LightProcess : public MachineProcess {
 public:
  LightProcess(asio::io_context& loop, const ProcessPlan& plan, ProcessEvents events)
      : loop_(loop), events_(std::make_shared<ProcessEvents>(std::move(events))) {
    auto hello = json::serialize(json::object{{"hello", plan.address}});
    server_ = std::make_unique<HttpServer>(loop, [hello, asleep = asleep_](Request, Answer answer) {
      if (*asleep) return;  // a frozen machine takes the connection and never answers
      Reply reply;
      reply.body = hello;
      answer(std::move(reply));
    });
    server_->listen(plan.address, kPort);
    later([](ProcessEvents& e) { e.up(); });
  }

  void signal(int number) override {
    if (ended_ || number == 0) return;
    ended_ = true;
    server_->close();
    later([](ProcessEvents& e) { e.exited(ExitInfo{}); });
  }
  void freeze(std::function<void()> done) override { sleep(true, std::move(done)); }
  void thaw(bool, std::function<void()> done) override { sleep(false, std::move(done)); }
  void exec(std::vector<std::string> command, std::string, std::int64_t,
            std::function<void(ExecResult)> done) override {
    ExecResult result;
    for (const auto& word : command) result.out += word + "\n";
    asio::post(loop_, [done = std::move(done), result = std::move(result)] { done(result); });
  }
  json::array list() const override { return {}; }
  pid_t pid() const override { return 0; }

 private:
  void later(std::function<void(ProcessEvents&)> tell) {
    asio::post(loop_, [weak = std::weak_ptr<ProcessEvents>(events_), tell = std::move(tell)] {
      if (const auto events = weak.lock()) tell(*events);
    });
  }
  void sleep(bool on, std::function<void()> done) {
    *asleep_ = on;
    asio::post(loop_, std::move(done));
  }

  asio::io_context& loop_;
  std::shared_ptr<ProcessEvents> events_;
  std::shared_ptr<bool> asleep_ = std::make_shared<bool>(false);
  std::unique_ptr<HttpServer> server_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<MachineProcess> start_light_process(asio::io_context& loop, const ProcessPlan& plan,
                                                    ProcessEvents events) {
  return std::make_unique<LightProcess>(loop, plan, std::move(events));
}

}  // namespace flame::fly
