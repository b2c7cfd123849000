#include "runner/incoming.hpp"

#include <algorithm>

#include "wire/limits.hpp"

namespace flame::runner {

void Incoming::offer(Sender& sender, const std::string& sha256, std::uint64_t bytes) {
  if (store_.has(sha256)) return sender.ended(sha256, nullptr);
  if (bytes > wire::kPluginMaxBytes || bytes > store_.max_bytes()) {
    const Error error(ErrorKind::limit,
                      "a plugin of " + std::to_string(bytes) + " bytes; the runner's store holds " +
                          std::to_string(std::min(store_.max_bytes(), wire::kPluginMaxBytes)),
                      "give flame-runner a larger --store-max-bytes, or build the file into the image");
    return sender.ended(sha256, &error);
  }
  try {
    Transfer& transfer = transfers_[sha256];
    if (!transfer.writer) {
      transfer.writer = std::make_unique<PluginStore::Writer>(store_, sha256);
      transfer.bytes = bytes;
    }
    if (transfer.bytes != bytes)
      throw Error(ErrorKind::protocol, "two sizes were told for one sha256", "is the file being written to?");
    transfer.senders.push_back(&sender);
    if (transfer.senders.size() > 1) return sender.wait_for_other(sha256);
    sender.send_from(sha256, transfer.writer->have());
    if (bytes == 0) write(sender, sha256, {});
  } catch (const Error& error) {
    if (const auto made = transfers_.find(sha256); made != transfers_.end() && made->second.senders.empty())
      transfers_.erase(made);
    sender.ended(sha256, &error);
  }
}

void Incoming::write(Sender& sender, const std::string& sha256, std::string_view plain) {
  const auto found = transfers_.find(sha256);
  if (found == transfers_.end() || found->second.senders.empty() || found->second.senders.front() != &sender)
    return;  // late: it has ended
  Transfer& transfer = found->second;
  try {
    if (plain.size() > transfer.bytes - transfer.writer->have())
      throw Error(ErrorKind::protocol, "more bytes came than were offered");
    transfer.writer->write(plain);
    if (transfer.writer->have() < transfer.bytes) return;
    transfer.writer->install();
    end(found, nullptr);
  } catch (const Error& error) {
    if (error.kind == ErrorKind::protocol) return replace_sender(found, error);
    end(found, &error);
  }
}

// One sender's wrong bytes are not the fault of those who wait.
void Incoming::replace_sender(Transfers::iterator transfer, const Error& why) {
  auto& senders = transfer->second.senders;
  Sender* wrong = senders.front();
  senders.pop_front();
  const std::string sha256 = transfer->first;
  if (senders.empty()) {
    transfers_.erase(transfer);
  } else {
    transfer->second.writer = std::make_unique<PluginStore::Writer>(store_, sha256);
    senders.front()->send_from(sha256, 0);
  }
  wrong->ended(sha256, &why);
}

void Incoming::end(Transfers::iterator transfer, const Error* why) {
  const std::string sha256 = transfer->first;
  const auto senders = std::move(transfer->second.senders);
  transfers_.erase(transfer);
  for (Sender* sender : senders) sender->ended(sha256, why);
}

void Incoming::leave(Sender& sender) {
  for (auto& [sha256, transfer] : transfers_) {
    auto& senders = transfer.senders;
    const bool sent = !senders.empty() && senders.front() == &sender;
    senders.erase(std::remove(senders.begin(), senders.end(), &sender), senders.end());
    if (!sent) continue;
    transfer.abandoned_at = ++clock_;
    if (!senders.empty()) senders.front()->send_from(sha256, transfer.writer->have());
  }
  forget_oldest();
}

void Incoming::forget_oldest() {
  for (;;) {
    std::size_t count = 0;
    auto oldest = transfers_.end();
    for (auto at = transfers_.begin(); at != transfers_.end(); ++at) {
      if (!at->second.senders.empty()) continue;
      ++count;
      if (oldest == transfers_.end() || at->second.abandoned_at < oldest->second.abandoned_at) oldest = at;
    }
    if (count <= kAbandonedMaxCount) return;
    transfers_.erase(oldest);
  }
}

}  // namespace flame::runner
