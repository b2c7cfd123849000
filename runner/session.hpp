// One client's binds and calls: frames in, frames out (PROTOCOL.md §3–§6). Knows nothing of sockets.
#pragma once
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "runner/fetches.hpp"
#include "runner/runner.hpp"
#include "runner/shipments.hpp"

namespace flame::runner {

class Session final : public CallSink {
 public:
  // What carries a session: is woken when something is to be sent.
  class Carrier {
   public:
    virtual void wake() = 0;

   protected:
    ~Carrier() = default;
  };

  // nonces: of a link whose client must prove itself.
  Session(Runner& runner, Carrier& carrier, std::optional<wire::Nonces> nonces);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void say_hello();
  // One message of whole frames. Throws Error: the link cannot go on (refused: no right proof came).
  void take(std::string_view message);
  bool trusted() const { return trusted_; }

  bool has_outgoing() const { return !outgoing_.empty(); }
  // Whole frames, at most kMessageMaxBytes of them; sent says when they are out.
  void move_outgoing(std::string& message);
  void sent();

  void send(wire::FrameType type, std::uint8_t flags, std::uint64_t call, std::string_view body);
  void send_error(std::uint64_t call, const Error& error);
  void cancel_all();
  bool in_flight() const { return !calls_.empty(); }

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
  void authenticate(const wire::Frame& frame);
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

  Runner& runner_;
  Carrier& carrier_;
  std::optional<wire::Nonces> nonces_;
  bool trusted_;
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
