// Plugins that are being sent: whoever needs the same one shares one transfer. When its sender goes away, the
// next who offered it goes on where that one stopped; what has come is kept for a while for whoever comes
// back.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "runner/plugin_store.hpp"

namespace flame::runner {

class Incoming {
 public:
  class Sender {
   public:
    virtual void send_from(const std::string& sha256, std::uint64_t offset) = 0;  // its turn
    virtual void wait_for_other(const std::string& sha256) = 0;
    virtual void ended(const std::string& sha256, const Error* why) = 0;  // why: null when it is stored

   protected:
    ~Sender() = default;
  };

  explicit Incoming(PluginStore& store) : store_(store) {}

  // Each offer ends with one ended(), maybe at once, unless leave() comes first.
  void offer(Sender& sender, const std::string& sha256, std::uint64_t bytes);
  void write(Sender& sender, const std::string& sha256, std::string_view plain);
  void leave(Sender& sender);

 private:
  static constexpr std::size_t kAbandonedMaxCount = 4;  // kept for whoever comes back

  struct Transfer {
    std::uint64_t bytes = 0;
    std::unique_ptr<PluginStore::Writer> writer;
    std::deque<Sender*> senders;  // the first sends, the others wait
    std::uint64_t abandoned_at = 0;
  };
  using Transfers = std::map<std::string, Transfer>;

  void end(Transfers::iterator transfer, const Error* why);
  void replace_sender(Transfers::iterator transfer, const Error& why);
  void forget_oldest();

  PluginStore& store_;
  Transfers transfers_;
  std::uint64_t clock_ = 0;
};

}  // namespace flame::runner
