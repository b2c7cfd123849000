#include "client/plugin/ship.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <zstd.h>

#include <boost/json.hpp>
#include <cerrno>

#include "base/error.hpp"
#include "client/link/link.hpp"
#include "client/remote_error.hpp"

namespace flame::client {
namespace json = boost::json;
namespace {

constexpr std::size_t kReadBytes = 256 * 1024;
// Faster than a 1 Gbit/s network on one core, and near the size of slower ones for machine code.
constexpr int kLevel = 1;

json::object parse(std::string_view body) {
  boost::system::error_code why;
  json::value value = json::parse(json::string_view(body.data(), body.size()), why);
  if (why || !value.is_object())
    throw Error(ErrorKind::protocol, "the runner's answer to an offer cannot be read");
  return std::move(value.get_object());
}

Error changed(const ShipFile& file) {
  return Error(ErrorKind::plugin_unloadable,
               "'" + file.source + "' was written to while it was sent to the runner",
               "replace files by a rename, as linkers and install(1) do; then run it again");
}

}  // namespace

void Shipment::FreeEncoder::operator()(ZSTD_CCtx_s* encoder) const { ZSTD_freeCCtx(encoder); }

Shipment::Shipment(std::vector<ShipFile> files) : sending_(files.size()) {
  for (auto& file : files) {
    Part part;
    part.fd = open_file(file.source, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    part.file = std::move(file);
    parts_.push_back(std::move(part));
  }
}

Shipment::~Shipment() = default;

void Shipment::offer(std::string& frames) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const ShipFile& file = parts_[i].file;
    wire::append_frame(frames, wire::FrameType::offer, 0, i + 1,
                       json::serialize(json::object{{"sha256", file.sha256}, {"bytes", file.bytes}}));
  }
}

void Shipment::take(const wire::Frame& frame) {
  if (frame.type == wire::FrameType::error && frame.call == 0) throw remote_error(frame.body);
  if (frame.type != wire::FrameType::wanted && frame.type != wire::FrameType::stored) return;
  if (frame.call == 0 || frame.call > parts_.size()) return;
  Part& part = parts_[frame.call - 1];
  const json::object answer = parse(frame.body);
  if (frame.type == wire::FrameType::stored) {
    if (const auto* error = answer.if_contains("error")) {
      Error why = remote_error(json::serialize(*error));
      if (why.kind == ErrorKind::protocol) throw changed(part.file);
      throw why.at_phase("send");
    }
    stored_ += part.stored ? 0 : 1;
    part.stored = true;
    if (sending_ == frame.call - 1) choose();
    return;
  }
  const auto* from = answer.if_contains("from");
  if (from == nullptr) return;  // another one sends it: `stored` will come, or our turn
  part.at = from->to_number<std::uint64_t>();
  if (part.at > part.file.bytes)
    throw Error(ErrorKind::protocol, "the runner wants more than the plugin is long");
  part.wanted = true;
  total_bytes_ += part.file.bytes - part.at;
  if (sending_ == parts_.size() || sending_ == frame.call - 1) choose();
}

void Shipment::choose() {
  encoder_.reset();
  for (sending_ = 0; sending_ < parts_.size(); ++sending_)
    if (parts_[sending_].wanted && !parts_[sending_].stored) break;
}

void Shipment::fill(std::string& frames) {
  Part& part = parts_[sending_];
  if (!encoder_) {
    encoder_.reset(ZSTD_createCCtx());
    ZSTD_CCtx_setParameter(encoder_.get(), ZSTD_c_compressionLevel, kLevel);
  }
  plain_.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kReadBytes, part.file.bytes - part.at)));
  const ssize_t n = ::pread(part.fd.get(), plain_.data(), plain_.size(), static_cast<off_t>(part.at));
  if (n < 0) throw system_error("cannot read '" + part.file.source + "'", errno);
  if (static_cast<std::size_t>(n) != plain_.size()) throw changed(part.file);
  part.at += plain_.size();
  done_bytes_ += plain_.size();
  const bool last = part.at == part.file.bytes;
  std::string packed(ZSTD_compressBound(plain_.size()) + 1024, '\0');
  ZSTD_inBuffer in{plain_.data(), plain_.size(), 0};
  ZSTD_outBuffer out{packed.data(), packed.size(), 0};
  // Flushed, so that what the runner has stored when a link breaks is what was sent.
  const std::size_t left = ZSTD_compressStream2(encoder_.get(), &out, &in, last ? ZSTD_e_end : ZSTD_e_flush);
  if (left != 0) throw Error(ErrorKind::internal, "cannot pack the plugin");
  packed.resize(out.pos);
  wire::append_frame(frames, wire::FrameType::ship, 0, sending_ + 1, packed);
  wire_bytes_ += packed.size();
  if (!last) return;
  part.wanted = false;
  choose();
}

void ship(Link& link, std::vector<ShipFile> files, Deadline deadline, const ShipProgress& progress,
          int wake_fd) {
  Shipment shipment(std::move(files));
  std::string frames;
  try {
    shipment.offer(frames);
    link.send(frames, deadline);
    while (!shipment.over()) {
      if (shipment.wants_to_send()) {
        frames.clear();
        shipment.fill(frames);
        link.send(frames, deadline);
        while (link.receive())
          while (const auto frame = link.next_received()) shipment.take(*frame);
        if (progress) progress(shipment);
        continue;
      }
      if (const auto frame = link.next(deadline, wake_fd))
        shipment.take(*frame);
      else if (deadline.passed())
        throw Error(ErrorKind::timed_out, "the deadline passed while the plugin was sent to the runner");
      else if (progress)
        progress(shipment);  // another may be sending it, for long
    }
  } catch (Error& error) {
    error.with_fate(Fate::never_begun).at_phase("send");
    throw;
  }
}

}  // namespace flame::client
