#include "runner/fetches.hpp"

#include "runner/bind_request.hpp"
#include "runner/json_body.hpp"
#include "wire/limits.hpp"

namespace flame::runner {

Fetches::~Fetches() {
  for (const Wanted& wanted : waits_) wanted.call->remove(*this);
}

void Fetches::fetch(const wire::Frame& frame) {
  const auto request = read_object(frame.body, "a fetch");
  const bool wait = flag_of(request, "wait"), result = flag_of(request, "result");
  if (waits_.size() + sending_.size() >= wire::kCredit)
    throw Error(ErrorKind::protocol, "more than " + std::to_string(wire::kCredit) + " fetches on a link");
  const auto held = calls_.find(frame.call);
  if (!held) {
    if (flag_of(request, "refuse")) calls_.refuse(frame.call);
    return tell_(frame.call, R"({"state":"unknown"})");
  }
  tell_(frame.call, held->state_json());
  if (held->is_over() && result) return send(held);
  if (held->is_over() || !wait) return;
  waits_.push_back({held, result});
  held->add(*this);
}

void Fetches::is_over(const std::shared_ptr<HeldCall>& call) {
  const auto waits = std::exchange(waits_, {});
  bool result = false;
  for (const Wanted& wanted : waits) {
    if (wanted.call != call) {
      waits_.push_back(wanted);
      continue;
    }
    tell_(call->id(), call->state_json());
    result = result || wanted.result;
  }
  if (result) send(call);
}

void Fetches::release(const wire::Frame& frame) {
  const auto request = read_object(frame.body, "a release");
  const auto held = calls_.find(frame.call);
  if (!held) return tell_(frame.call, R"({"state":"unknown"})");
  if (held->is_over()) held->fetched();
  if (held->is_over() && flag_of(request, "forget")) calls_.forget(frame.call);
  tell_(frame.call, held->state_json());
}

void Fetches::send(const std::shared_ptr<HeldCall>& call) {
  sending_.push_back({call, 0});
  more_();
}

void Fetches::fill(std::string& outgoing, std::size_t up_to_bytes) {
  while (!sending_.empty() && outgoing.size() < up_to_bytes) {
    Sending& now = sending_.front();
    const std::string& frames = now.call->frames();
    if (now.at == frames.size()) {
      sending_.pop_front();
      continue;
    }
    const std::size_t size = wire::kHeaderBytes + wire::get_u32(frames.data() + now.at);
    outgoing.append(frames, now.at, size);
    now.at += size;
  }
}

}  // namespace flame::runner
