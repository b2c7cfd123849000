#include "light_process.hpp"

#include <unistd.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <vector>

#include "http_server.hpp"
#include "light_link.hpp"

namespace flame::fly {
namespace asio = boost::asio;
namespace json = boost::json;
namespace {

constexpr std::uint16_t kPort = 8080;

// What its runner would have been told.
LightIdentity identity_of(const ProcessPlan& plan) {
  const auto option = [&](std::string_view name) {
    const auto at = std::find(plan.command.begin(), plan.command.end(), name);
    return at == plan.command.end() || at + 1 == plan.command.end() ? std::string() : *(at + 1);
  };
  LightIdentity out{option("--name"), ""};
  const std::string path = option("--token-file");
  for (const GuestFile& file : plan.files)
    if (file.path == path) out.token = file.content.substr(0, file.content.find_first_of("\r\n"));
  return out;
}

class LightProcess : public MachineProcess {
 public:
  ~LightProcess() override {
    server_->on_upgrade({});
    cut_links();
  }
  LightProcess(asio::io_context& loop, const ProcessPlan& plan, ProcessEvents events)
      : loop_(loop), events_(std::make_shared<ProcessEvents>(std::move(events))) {
    auto hello = json::serialize(json::object{{"hello", plan.address}});
    server_ = std::make_unique<HttpServer>(loop, [hello, asleep = asleep_](Request, Answer answer) {
      if (*asleep) return;  // a frozen machine takes the connection and never answers
      Reply reply;
      reply.body = hello;
      answer(std::move(reply));
    });
    server_->on_upgrade([this, identity = identity_of(plan)](Request request, asio::ip::tcp::socket socket) {
      std::erase_if(links_, [](const auto& link) { return link.expired(); });
      links_.push_back(start_light_link(std::move(socket), request, identity, asleep_));
    });
    server_->listen(plan.address, kPort);
    later([](ProcessEvents& e) { e.up(); });
  }

  void signal(int number) override {
    if (ended_ || number == 0) return;
    ended_ = true;
    server_->close();
    cut_links();
    later([](ProcessEvents& e) { e.exited(ExitInfo{}); });
  }
  void freeze(std::function<void()> done) override { sleep(true, std::move(done)); }
  void thaw(bool cut, std::function<void()> done) override {
    if (cut) cut_links();
    sleep(false, std::move(done));
  }
  void exec(std::vector<std::string> command, std::string, std::int64_t,
            std::function<void(ExecResult)> done) override {
    ExecResult result;
    for (const auto& word : command) result.out += word + "\n";
    asio::post(loop_, [done = std::move(done), result = std::move(result)] { done(result); });
  }
  json::array list() const override { return {}; }
  pid_t pid() const override { return 0; }

 private:
  void cut_links() {
    for (const auto& weak : std::exchange(links_, {}))
      if (const auto link = weak.lock()) cut_light_link(*link);
  }
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
  std::vector<std::weak_ptr<LightLink>> links_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<MachineProcess> start_light_process(asio::io_context& loop, const ProcessPlan& plan,
                                                    ProcessEvents events) {
  return std::make_unique<LightProcess>(loop, plan, std::move(events));
}

}  // namespace flame::fly
