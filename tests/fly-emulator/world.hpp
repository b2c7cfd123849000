// Everything the emulator knows. One thread; no locks.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "faults.hpp"
#include "image.hpp"
#include "journal.hpp"
#include "limits.hpp"
#include "logs.hpp"
#include "machine.hpp"
#include "options.hpp"
#include "random.hpp"
#include "tokens.hpp"

namespace flame::fly {

struct Secret {
  std::string value;
  std::int64_t created_at_ms, updated_at_ms;
};

struct App {
  std::string id, name, org, network;
  std::int64_t created_at_ms = 0, secrets_version = 0;
  std::map<std::string, Secret> secrets;
  std::vector<std::string> addresses;
};

class World {
 public:
  World(boost::asio::io_context& loop, Options options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  boost::asio::io_context& loop;
  Options options;
  Settings& settings;
  Random random;
  Tokens tokens;
  Limits limits;
  Journal journal;
  Faults faults;
  Images images;
  Logs logs;
  std::map<std::string, App> apps;
  std::map<std::string, MachinePtr> machines;  // by id, destroyed ones too until they are forgotten
  // Real or light, as this emulator does it.
  std::vector<MachinePtr> forgotten;  // still on the bill
  std::function<std::unique_ptr<MachineProcess>(const ProcessPlan&, ProcessEvents)> start_process;
  std::function<void(bool)> refuse_connections;
  std::function<void(const Machine&)> before_stop;  // the proxy says goodbye to those it serves

  App* find_app(const std::string& name);
  App& add_app(std::string name, std::string org);
  MachinePtr find_machine(const std::string& app, const std::string& id);
  MachinePtr live_by_name(const std::string& app, const std::string& name);
  std::vector<MachinePtr> machines_of(const std::string& app) const;  // oldest first
  void forget_destroyed();
  std::string next_address();  // 127.x.y.z of nobody else
  std::int64_t delay(const Range& range) { return random.between(range.low_ms, range.high_ms); }

  void event(Machine& machine, std::string type, std::string status, std::string source = "flyd",
             boost::json::value request = nullptr);

  std::string scratch_root;  // gone when the emulator is
  unsigned address_block = 0;
  bool isolated = false;  // machines have namespaces of their own

 private:
  unsigned addresses_ = 0;
};

}  // namespace flame::fly
