#include "backends/fly/boot.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <optional>

#include "backends/fly/engine.hpp"
#include "backends/fly/pause.hpp"
#include "backends/fly/pool_config.hpp"
#include "base/error.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

constexpr std::size_t kTokenBytes = 32;
constexpr int kRacesMax = 3;            // lost placement races before the next guest is tried
constexpr milliseconds kListLag{1500};  // between two looks: the list may lag behind a create
constexpr milliseconds kTransientPause{400};
constexpr milliseconds kClearPatience{2000};

class Boot {
 public:
  Boot(Api& api, const Request& request, std::string image)
      : api_(api), request_(request), config_(read_pool_config(request)), image_(std::move(image)) {}

  FlyMachine run() {
    token_ = hex(random_bytes(kTokenBytes));
    for (std::size_t i = 0; i < config_.guests.size(); ++i) {
      const bool last = i + 1 == config_.guests.size();
      if (const auto made = create_or_clear(config_.guests[i], last)) return started(*made);
      note(request_, "no room for " + config_.guests[i].name() + "; trying " + config_.guests[i + 1].name());
    }
    throw Error(ErrorKind::internal, "a boot without a guest");
  }

 private:
  // Of a create whose answer was lost and that was not found in time something may be there all the same.
  std::optional<FlyMachine> create_or_clear(const Guest& guest, bool last_guest) {
    try {
      return create(guest, last_guest);
    } catch (const Error&) {
      if (lost_) clear_lost();
      throw;
    }
  }
  void clear_lost() noexcept try {
    const Deadline patience = Deadline::in(kClearPatience);
    for (const FlyMachine& machine : all_machines(api_, patience))
      if (machine.name == request_.name && ours_just_now(machine)) api_.destroy(machine.id, true, patience);
  } catch (...) {  // then it ends by itself, idle
  }

  // nullopt: no room for this guest, and there is another to try.
  std::optional<FlyMachine> create(const Guest& guest, bool last_guest) {
    for (int races = 0;;) {
      const Answer answer =
          api_.create(create_body(request_, config_, guest, image_, token_), request_.deadline);
      switch (answer.meaning) {
        case Meaning::done:
          created_ = true;
          return with_token(read_machine(answer.body));
        case Meaning::name_taken:
          last_words_ = error_from(answer, "creating '" + request_.name + "'");
          if (auto there = adopt(answer.holder)) return there;
          break;
        case Meaning::ambiguous:
          // It may have happened. The name holds once, so that a second create cannot make a twin; but a
          // machine that is there is found by looking, without another create against the limit.
          note(request_, "the API's answer was lost; looking whether the machine is there");
          lost_ = true;
          if (!last_words_ || answer.status != 0)
            last_words_ = error_from(answer, "creating '" + request_.name + "'");
          if (auto there = look_twice()) return there;
          break;
        case Meaning::host_full:
        case Meaning::region_full:
          last_words_ = error_from(answer, "no room for " + guest.name() + where());
          if (answer.status == 409 && ++races < kRacesMax) {
            pause(kTransientPause, request_.deadline);
            break;
          }
          if (!last_guest) return std::nullopt;
          throw Error(*last_words_);
        case Meaning::transient:
        case Meaning::rate_limited:
        case Meaning::not_yet:
          last_words_ = error_from(answer, "creating '" + request_.name + "'");
          pause(kTransientPause, request_.deadline);
          break;
        case Meaning::not_found:
          throw Error(
              ErrorKind::config,
              "there is no Fly app '" + api_.identity().app + "' (named by " + api_.identity().source + ")",
              "'fly apps list' shows yours");
        case Meaning::quota:
        case Meaning::refused:
        case Meaning::invalid:
          throw error_from(answer, "creating '" + request_.name + "'");
      }
      if (request_.deadline.passed()) throw out_of_time();
    }
  }

  FlyMachine with_token(FlyMachine machine) const {
    machine.token = token_;
    machine.port = config_.port;
    machine.generation = request_.generation;
    machine.pool = request_.pool;
    return machine;
  }

  // The machine that has our name, if it is one that we would have made. nullopt: it is gone by now.
  std::optional<FlyMachine> adopt(const std::string& id) {
    if (id.empty()) return look();
    const Answer answer = api_.get(id, request_.deadline);
    if (answer.meaning != Meaning::done) {
      pause(kTransientPause, request_.deadline);
      return std::nullopt;
    }
    return check(read_machine(answer.body));
  }

  std::optional<FlyMachine> check(const FlyMachine& there) {
    const std::string state = there.plain_state();
    if (state.empty() || there.name != request_.name) {  // its name is free again in a moment
      pause(kTransientPause, request_.deadline);
      return std::nullopt;
    }
    const bool same_image =
        there.digest.empty() || image_.find('@') == image_.npos || image_.ends_with(there.digest);
    if (there.pool != request_.pool || there.generation != request_.generation || !same_image ||
        there.token.empty() || (state != "started" && !ours_just_now(there)))
      throw NameTaken("a machine '" + there.name + "' (" + there.id + ", " + there.state + ") has this name");
    return there;
  }
  // One that we made ourselves and whose answer was lost.
  bool ours_just_now(const FlyMachine& there) const { return there.token == token_; }

  std::optional<FlyMachine> look() {
    for (const FlyMachine& machine : all_now())
      if (machine.name == request_.name) return check(machine);
    return std::nullopt;
  }
  // Why we look is the news, where there was no time to.
  std::vector<FlyMachine> all_now() {
    try {
      return all_machines(api_, request_.deadline);
    } catch (const Error&) {
      if (last_words_ && request_.deadline.passed()) throw out_of_time();
      throw;
    }
  }
  std::optional<FlyMachine> look_twice() {
    if (auto there = look()) return there;
    pause(kListLag, request_.deadline);
    return look();
  }

  FlyMachine started(const FlyMachine& machine) {
    try {
      return wait_until_started(api_, machine, request_);
    } catch (const Error&) {
      // Nobody would look for it again, and it may be one that never ends by itself.
      if (created_ || ours_just_now(machine))
        api_.destroy(machine.id, true, Deadline::in(std::chrono::seconds(5)));
      throw;
    }
  }

  std::string where() const {
    std::string out;
    for (const auto& region : config_.regions) out += (out.empty() ? " in " : ", ") + region;
    return out;
  }

  Error out_of_time() const {
    if (last_words_) return until_the_deadline(*last_words_);
    return Error(ErrorKind::timed_out, "the deadline passed while '" + request_.name + "' was created");
  }

  Api& api_;
  const Request& request_;
  const PoolConfig config_;
  const std::string image_;
  std::string token_;
  bool created_ = false, lost_ = false;
  std::optional<Error> last_words_;  // what the API said last, for the end of the deadline
};

}  // namespace

FlyMachine boot_machine(Api& api, const Request& request, const std::string& image) {
  return Boot(api, request, image).run();
}

}  // namespace flame::backend::fly
