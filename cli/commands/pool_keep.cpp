#include "cli/commands/pool_keep.hpp"

#include <poll.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <chrono>
#include <memory>
#include <optional>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/unix_time.hpp"
#include "cli/ui/service_notify.hpp"
#include "cli/ui/stop_signals.hpp"
#include "client/config/config.hpp"
#include "client/pool/keep_metrics.hpp"
#include "client/pool/keeper.hpp"
#include "client/pool/status_server.hpp"

namespace flame::cli {
namespace {

namespace json = boost::json;
constexpr milliseconds kSettingsEvery{2'000};

void log(const char* level, const char* event, json::object fields) {
  json::object line = {{"ts", utc_timestamp(unix_now_ms())}, {"level", level}, {"event", event}};
  for (auto& [key, value] : fields) line[key] = std::move(value);
  write_all(STDERR_FILENO, json::serialize(line) + "\n");
}

class Keeping {
 public:
  explicit Keeping(const PoolOptions& options) : options_(options) {
    const client::PoolSettings settings = pool_settings(options);
    if (!options.listen.empty()) {
      server_.emplace(options.listen);
      log("info", "listening", {{"address", server_->address()}});
    }
    begin(settings);
  }

  int run() {
    while (!stop_asked()) {
      keeper_->step();
      if (keeper_->fatal()) throw Error(*keeper_->fatal());
      if (server_)
        server_->step([this](std::string_view path) { return client::keep_page(path, *keeper_, counters_); });
      tell_service();
      follow_settings();
      wait();
    }
    service_.stopping();
    log("info", "stopping", {{"runners", keeper_->runners().size()}});
    keeper_->release();
    return 0;
  }

 private:
  void begin(const client::PoolSettings& settings) {
    auto next = std::make_unique<client::Keeper>(
        settings, client::Keeper::Options{.spares = options_.spares.value_or(settings.spares), .log = log},
        counters_);
    settings_ = settings;
    if (keeper_) keeper_->release();
    keeper_ = std::move(next);
    log("info", "keeping",
        {{"pool", settings_.name},
         {"backend", settings_.backend},
         {"generation", keeper_->pool().generation()}});
  }

  // A changed flame.toml makes a new generation; one that cannot be read changes nothing.
  void follow_settings() {
    const auto now = Clock::now();
    if (now < settings_due_) return;
    settings_due_ = now + kSettingsEvery;
    try {
      const client::PoolSettings settings = pool_settings(options_);
      if (!(settings == settings_)) begin(settings);
      settings_trouble_.clear();
    } catch (const Error& error) {
      if (std::exchange(settings_trouble_, error.message) != error.message)
        log("error", "settings_error", {{"why", error.message}, {"hint", error.hint}});
    }
  }

  void tell_service() {
    service_.alive(Clock::now());
    if (!keeper_->looked()) return;
    service_.ready();
    const std::string trouble = keeper_->trouble();
    service_.status(!trouble.empty()    ? "trouble: " + trouble
                    : keeper_->acting() ? keeper_->decision()
                                        : "standby: " + keeper_->holder());
  }

  void wait() {
    std::vector<pollfd> waits = {{stop_wake_fd(), POLLIN, 0}};
    keeper_->append_waits(waits);
    auto at = std::min({keeper_->wake_at(), settings_due_, service_.wake_at()});
    if (server_) {
      server_->append_waits(waits);
      at = std::min(at, server_->wake_at());
    }
    const auto left = at - Clock::now();
    ::poll(waits.data(), waits.size(),
           Deadline::in(std::chrono::ceil<milliseconds>(left)).poll_timeout_ms(1000));
  }

  const PoolOptions& options_;
  client::PoolSettings settings_;
  client::KeepCounters counters_;
  std::unique_ptr<client::Keeper> keeper_;
  std::optional<client::StatusServer> server_;
  ServiceNotify service_;
  std::string settings_trouble_;
  Clock::time_point settings_due_ = Clock::now() + kSettingsEvery;
};

}  // namespace

int keep_pool(const PoolOptions& options) {
  catch_stop_signals(Deadline());
  return Keeping(options).run();
}

}  // namespace flame::cli
