#include "cli/commands/run_note.hpp"

#include <utility>

#include "base/unix_time.hpp"
#include "client/calls/call_id.hpp"
#include "client/pool/pool.hpp"

namespace flame::cli {

void CallNote::is_detached(std::uint64_t id) {
  id_ = id;
  detached_ = true;
}

std::string CallNote::id_line() const { return "flame: call     " + client::call_id_text(id_) + "\n"; }

void CallNote::write(const PhaseTimes& times, const std::string& hello, const Error* error) noexcept try {
  client::LoggedCall out;
  times.fill(out);
  if (detached_) std::swap(out.us(client::Phase::run), out.us(client::Phase::receive));  // till its answer
  out.begun_at_ms = unix_now_ms() - out.total_us / 1000;
  out.id = id_;
  out.detached = detached_;
  out.plugin = call_.path;
  out.function = call_.function;
  out.pool = pool_;
  out.runner = client::runner_in(hello);
  if (error != nullptr) out.error = error->kind;
  client::log_call(out);
} catch (...) {  // no reason to fail a call
}

}  // namespace flame::cli
