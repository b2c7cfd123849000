// The plugins that one link's client sends (PROTOCOL.md §3, `offer` and `ship`).
#pragma once
#include <functional>
#include <map>
#include <string>

#include "runner/incoming.hpp"
#include "wire/frame.hpp"

struct ZSTD_DCtx_s;

namespace flame::runner {

class Shipments final : public Incoming::Sender {
 public:
  using Send = std::function<void(wire::FrameType, std::uint64_t transfer, std::string_view body)>;
  Shipments(Incoming& incoming, Send send) : incoming_(incoming), send_(std::move(send)) {}
  ~Shipments();
  Shipments(const Shipments&) = delete;
  Shipments& operator=(const Shipments&) = delete;

  bool empty() const { return shipments_.empty(); }
  // Throws Error(protocol, limit): the link ends.
  void offer(const wire::Frame& frame);
  void ship(const wire::Frame& frame);

  void send_from(const std::string& sha256, std::uint64_t offset) override;
  void wait_for_other(const std::string& sha256) override;
  void ended(const std::string& sha256, const Error* why) override;

 private:
  struct FreeDecoder {
    void operator()(ZSTD_DCtx_s* decoder) const;
  };
  struct Shipment {
    std::string sha256;
    std::unique_ptr<ZSTD_DCtx_s, FreeDecoder> decoder;
  };
  void for_each(const std::string& sha256, const std::function<void(std::uint64_t)>& body);

  Incoming& incoming_;
  Send send_;
  std::map<std::uint64_t, Shipment> shipments_;  // by the client's number
};

}  // namespace flame::runner
