// One client's binds and calls: frames in, frames out (PROTOCOL.md §3–§6, §10). Knows nothing of sockets.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runner/fetches.hpp"
#include "runner/runner.hpp"
#include "runner/shipments.hpp"
#include "wire/resumption.hpp"

namespace flame::runner {

class Session final : public CallSink {
 public:
  // What carries a session: is woken when something is to be sent.
  class Carrier {
   public:
    virtual void wake() = 0;
    virtual void taken_over() = 0;  // another carries it now

   protected:
    ~Carrier() = default;
  };

  // id: by which it is found when its link is lost; empty: it ends with its link.
  Session(Runner& runner, std::string id);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const std::string& id() const { return id_; }
  // From now on that carries it, and nobody else. received: what its client has, where it had another before.
  // Throws Error(protocol), and nothing has changed, when that cannot be.
  void attach(Carrier& carrier, std::optional<std::uint64_t> received = std::nullopt);
  void detach() { carrier_ = nullptr; }
  std::uint64_t received() const { return lasting_->received.position(); }
  // A call, or the end of one that its client may not have.
  bool in_flight() const;
  // Its client may come back. Who sends a plugin and no call begins anew, and others wait for his turn.
  bool may_wait() const { return in_flight() || shipments_.empty(); }
  void lasts_no_more();  // it ends with the link that it has

  // One message of whole frames. Throws Error: the link cannot go on.
  void take(std::string_view message);
  // Whole frames, at most kMessageMaxBytes of them, into an empty message; sent says when they are out.
  void next_message(std::string& message);
  void sent();

  void send(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body);
  void send_error(std::uint64_t call, const Error& error);
  void cancel_all();
  std::size_t calls_in_flight() const { return calls_.size(); }

  bool frame(Call& call, const wire::Frame& frame) override;

 private:
  static constexpr std::size_t kHighWaterBytes = 256 * 1024;

  struct Open {
    CallPtr call;
    std::uint64_t window_bytes = wire::kWindowBytes;  // the client may still send so many
    bool body_open = false;                           // pieces of its body are still to come
  };
  struct Binding {
    std::shared_ptr<Bind> bind;
    std::optional<Error> error;  // its calls fail with it
    bool told = false;           // `bound` was sent
  };

  void take_frame(const wire::Frame& frame);
  void bind(std::string_view body);
  void look(std::string_view body);
  void begin_call(const wire::Frame& frame);
  void repeated(const wire::Frame& frame, const HeldCall& held);
  void more_of_call(const wire::Frame& frame);
  void fail_unknown(const wire::Frame& frame);
  void forward_bound(const Call& call, std::string_view body);
  void answer(std::uint64_t call, const Error& error);
  void end(std::uint64_t call);
  void listen_no_more(Call& call);
  void tell_held(std::uint64_t call, std::string_view body);
  void fill();
  void wake();
  void move_outgoing(std::string& message);
  void next_kept(std::string& message);
  std::size_t backlog_bytes() const;

  // Of one that outlives its links.
  struct Lasting {
    wire::SentFrames sent;
    wire::ReceivedFrames received;
    std::uint64_t ends_at = 0;  // in what is sent: behind the last end of a call
  };

  Runner& runner_;
  const std::string id_;
  Carrier* carrier_ = nullptr;
  std::unique_ptr<Lasting> lasting_;
  Shipments shipments_;
  Fetches fetches_;
  std::string outgoing_;
  std::size_t replies_bytes_ = 0;  // of outgoing_, what this client's own frames caused
  std::unordered_map<std::uint32_t, Binding> binds_;
  std::unordered_map<std::uint64_t, std::uint32_t> numbers_;  // Bind::id → the client's number
  std::unordered_map<std::uint64_t, Open> calls_;
  std::unordered_set<std::uint64_t> cut_short_;  // ended before their body had come; the rest is dropped
};

}  // namespace flame::runner
