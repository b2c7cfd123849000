#include "runner/shipments.hpp"

#include <zstd.h>

#include <boost/json/parse.hpp>
#include <vector>

#include "runner/bind_request.hpp"
#include "runner/worker/channel.hpp"

namespace flame::runner {
namespace json = boost::json;
namespace {

constexpr std::size_t kShipmentMaxCount = 512;  // of one link at a time
constexpr int kWindowLogMax = 23;               // 8 MiB for each decoder

Error broken(const std::string& why) { return Error(ErrorKind::protocol, why); }

std::string number(const char* key, std::uint64_t value) {
  return "{\"" + std::string(key) + "\":" + std::to_string(value) + "}";
}

}  // namespace

void Shipments::FreeDecoder::operator()(ZSTD_DCtx_s* decoder) const { ZSTD_freeDCtx(decoder); }

Shipments::~Shipments() { incoming_.leave(*this); }

void Shipments::offer(const wire::Frame& frame) {
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(frame.body.data(), frame.body.size()), why);
  if (why || !value.is_object() || frame.call == 0)
    throw broken("an offer that is no JSON object, or has no number");
  const std::string sha256 = text_of(value.get_object(), "sha256");
  const json::value* bytes = value.get_object().if_contains("bytes");
  if (sha256.size() != 64 || sha256.find_first_not_of("0123456789abcdef") != std::string::npos ||
      bytes == nullptr || !bytes->is_int64() || bytes->get_int64() < 0)
    throw broken("an offer without a sha256 of 64 lower-case hex digits, or without bytes");
  for (const auto& [known, shipment] : shipments_)
    if (known == frame.call || shipment.sha256 == sha256) throw broken("what is offered was offered before");
  if (shipments_.size() >= kShipmentMaxCount) throw broken("too many offers at a time");
  shipments_[frame.call].sha256 = sha256;
  incoming_.offer(*this, sha256, static_cast<std::uint64_t>(bytes->get_int64()));
}

void Shipments::ship(const wire::Frame& frame) {
  std::vector<char> room(ZSTD_DStreamOutSize());
  ZSTD_inBuffer in{frame.body.data(), frame.body.size(), 0};
  for (bool full = true; in.pos < in.size || full;) {
    // write() may have ended the shipment: each turn asks again whether it is there.
    const auto found = shipments_.find(frame.call);
    if (found == shipments_.end() || !found->second.decoder) return;
    ZSTD_outBuffer out{room.data(), room.size(), 0};
    const std::size_t left = ZSTD_decompressStream(found->second.decoder.get(), &out, &in);
    if (ZSTD_isError(left) != 0) throw broken(std::string("a shipment: ") + ZSTD_getErrorName(left));
    full = out.pos == out.size;
    const std::string sha256 = found->second.sha256;
    if (out.pos > 0) incoming_.write(*this, sha256, {room.data(), out.pos});
  }
}

void Shipments::for_each(const std::string& sha256, const std::function<void(std::uint64_t)>& body) {
  std::vector<std::uint64_t> which;
  for (const auto& [known, shipment] : shipments_)
    if (shipment.sha256 == sha256) which.push_back(known);
  for (const std::uint64_t one : which) body(one);
}

void Shipments::send_from(const std::string& sha256, std::uint64_t offset) {
  for_each(sha256, [&](std::uint64_t transfer) {
    auto& decoder = shipments_[transfer].decoder;
    decoder.reset(ZSTD_createDCtx());
    ZSTD_DCtx_setParameter(decoder.get(), ZSTD_d_windowLogMax, kWindowLogMax);
    send_(wire::FrameType::wanted, transfer, number("from", offset));
  });
}

void Shipments::wait_for_other(const std::string& sha256) {
  for_each(sha256,
           [&](std::uint64_t transfer) { send_(wire::FrameType::wanted, transfer, R"({"wait":true})"); });
}

void Shipments::ended(const std::string& sha256, const Error* why) {
  for_each(sha256, [&](std::uint64_t transfer) {
    shipments_.erase(transfer);
    send_(wire::FrameType::stored, transfer,
          why == nullptr ? "{}" : "{\"error\":" + worker::error_json(*why) + "}");
  });
}

}  // namespace flame::runner
