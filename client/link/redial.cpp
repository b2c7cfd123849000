// The part of Link that makes a lost link again (PROTOCOL.md §10), without waiting.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "client/link/link.hpp"
#include "client/link/link_beginning.hpp"

namespace flame::client {
namespace {

constexpr milliseconds kTryPatience{2'000}, kPauseFirst{20}, kPauseMax{1'000};

// What passes by itself: the way is down, or the machine is asleep.
bool is_worth_another_try(const Error& error) {
  return error.kind == ErrorKind::unreachable || error.kind == ErrorKind::timed_out ||
         error.kind == ErrorKind::lost;
}

}  // namespace

Clock::time_point Link::wake_at() const {
  if (!is_lost()) return Clock::time_point::max();
  return beginning_ ? std::min(lasting_->try_until, lasting_->until) : lasting_->next_try;
}

// Called where a link has failed: goes on when it is to be made again. What the runner closed stays closed.
void Link::lose(const Error& error) {
  if (!outlives_losses_ || error.kind != ErrorKind::lost || reader_.closed()) throw;
  lasting_->why = error;
  lasting_->next_try = Clock::now();
  lasting_->until = lasting_->next_try + lasting_->grace;
  lasting_->pause = kPauseFirst;
  end_try();
}

void Link::end_try() {
  lasting_->farewell.forget();
  fd_.reset();
  beginning_.reset();
  reader_ = MessageReader();
  out_.clear();
  sent_ = 0;
}

// False: nothing has come yet.
bool Link::redial() {
  const auto now = Clock::now();
  if (!beginning_ && now < lasting_->next_try) return false;
  try {
    if (!beginning_) {
      lasting_->try_until = now + kTryPatience;
      begin(lasting_->address, Deadline::in(milliseconds(1)));
    }
    for (pollfd wait{}; !step();) {
      wait = {fd_.get(), opening_events(), 0};
      if (::poll(&wait, 1, 0) > 0) continue;
      if (now >= wake_at()) throw Error(ErrorKind::unreachable, "it did not answer in time");
      return false;
    }
    lasting_->why.reset();
    ++times_resumed_;
  } catch (const ConnectRefused& error) {
    give_up(error);
  } catch (const Error& error) {
    try_again(error);
    return false;
  }
  flush();
  return true;
}

bool Link::read_resumed() {
  for (;;) {
    const auto frame = beginning_->frames.next();
    if (!frame && reader_.closed())
      throw Error(ErrorKind::draining, "it closed the link");  // what became of the session is not known
    if (!frame) return false;
    if (frame->type == wire::FrameType::error)
      throw Error(ErrorKind::protocol, "it does not accept what we say that we have");
    if (frame->type != wire::FrameType::resumed) continue;
    lasting_->sent.resume(Opening::position_in(frame->body));
    lasting_->received.told();
    return true;
  }
}

void Link::try_again(const Error& error) {
  const auto next = Clock::now() + lasting_->pause;
  if (!is_worth_another_try(error) || next >= lasting_->until) give_up(error);
  end_try();
  lasting_->next_try = next;
  lasting_->pause = std::min(lasting_->pause * 2, kPauseMax);
}

void Link::give_up(const Error& error) {
  Error out = *lasting_->why;
  out.message += "; the link could not be made again: " + error.message;
  end_try();
  lasting_->why.reset();
  outlives_losses_ = false;
  throw out;
}

void Link::say_goodbye() {
  if (beginning_ || fd_.get() < 0 || reader_.closed()) return;
  out_ += kCloseMessage;  // behind what is half sent
  (void)::send(fd_.get(), out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (outlives_losses_) await_close(fd_.get());  // something may run there yet
}

}  // namespace flame::client
