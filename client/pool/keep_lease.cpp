#include "client/pool/keep_lease.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>

#include "base/error.hpp"
#include "base/process.hpp"
#include "base/unix_time.hpp"
#include "client/json_text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr std::size_t kFileMaxBytes = 64 * 1024;
constexpr milliseconds kLockEvery{200};
constexpr milliseconds kLease{20'000}, kRenewEvery{5'000}, kStandbyEvery{2'000};
constexpr milliseconds kMargin{2'000};  // we stop before others may begin
constexpr milliseconds kReleasePatience{3'000};

// Of the open file description: it ends with the process, and can be asked about without being taken.
struct flock whole_file() {
  struct flock out {};
  out.l_type = F_WRLCK;
  out.l_whence = SEEK_SET;
  return out;
}

std::string path_of(const Pool& pool) { return pool.directory() + "/keep-" + pool.place(); }

std::optional<KeeperNote> read_note(int fd) {
  boost::system::error_code why;
  const json::value file = json::parse(read_fd(fd, kFileMaxBytes), why);
  if (why || !file.is_object()) return std::nullopt;
  const json::object& object = file.get_object();
  const auto number = [&](const char* key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_int64() ? value->get_int64() : 0;
  };
  return KeeperNote{number("pid"),           text_of(object, "lease"), text_of(object, "decision"),
                    number("decided_at_ms"), number("boots_ready"),    number("boots_failed")};
}

std::string own_name() { return host_name() + ", process " + std::to_string(::getpid()); }

}  // namespace

std::optional<KeeperNote> keeper_of(const Pool& pool) {
  const UniqueFd fd(::open(path_of(pool).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct flock asked = whole_file();
  if (!fd || ::fcntl(fd.get(), F_OFD_GETLK, &asked) != 0 || asked.l_type == F_UNLCK) return std::nullopt;
  return read_note(fd.get());
}

KeepLease::KeepLease(Pool& pool) : pool_(pool), path_(path_of(pool)) {}
KeepLease::~KeepLease() = default;

bool KeepLease::lock() {
  UniqueFd fd = open_file(path_, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  struct flock wanted = whole_file();
  if (::fcntl(fd.get(), F_OFD_SETLK, &wanted) != 0) {
    if (errno != EAGAIN && errno != EACCES) throw system_error("cannot lock '" + path_ + "'", errno);
    if (const auto other = read_note(fd.get()))
      holder_ = "process " + std::to_string(other->pid) + " keeps this pool";
    return false;
  }
  // A keeper that was killed has left its lease: we go on with it.
  if (const auto before = read_note(fd.get())) note_.lease = before->lease;
  note_.pid = ::getpid();
  lock_ = std::move(fd);
  write_note();
  return true;
}

void KeepLease::write_note() {
  const std::string text = json::serialize(json::object{{"pid", note_.pid},
                                                        {"lease", note_.lease},
                                                        {"decision", note_.decision},
                                                        {"decided_at_ms", note_.decided_at_ms},
                                                        {"boots_ready", note_.boots_ready},
                                                        {"boots_failed", note_.boots_failed}});
  if (::pwrite(lock_.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()))
    (void)!::ftruncate(lock_.get(), static_cast<off_t>(text.size()));
}

void KeepLease::note(const std::string& decision, std::uint64_t boots_ready, std::uint64_t boots_failed) {
  const auto ready = static_cast<std::int64_t>(boots_ready), failed = static_cast<std::int64_t>(boots_failed);
  const bool decided = decision != note_.decision;
  if (!lock_ || (!decided && ready == note_.boots_ready && failed == note_.boots_failed)) return;
  note_.boots_ready = ready;
  note_.boots_failed = failed;
  note_.decision = decision;
  if (decided) note_.decided_at_ms = static_cast<std::int64_t>(unix_now_ms());
  write_note();
}

void KeepLease::step(Clock::time_point now) {
  if (now < next_ || request_ != 0) return;
  next_ = now + kLockEvery;
  if (!lock_ && !lock()) return;
  if (!std::exchange(asked_abilities_, true))
    engine_leases_ = pool_.engine_can("lease", Deadline::in(std::chrono::seconds(10)));
  if (!engine_leases_) {
    next_ = Clock::time_point::max();
    return;
  }
  asked_at_ = now;
  json::object more = {{"holder", own_name()}, {"ttl_ms", kLease.count()}};
  if (!note_.lease.empty()) more["lease"] = note_.lease;
  request_ = pool_.begin("lease", "", Deadline::in(kLease), more);
  next_ = Clock::time_point::max();
}

bool KeepLease::take(const BackendAnswer& answer, Clock::time_point now) {
  if (answer.id != request_ || request_ == 0) return false;
  request_ = 0;
  next_ = now + kRenewEvery;
  if (answer.error) {
    holder_ = answer.error->message;
    next_ = now + kStandbyEvery;
    if (answer.error->type == "busy") held_until_ = {};
    if (answer.error->type == "busy" && !note_.lease.empty()) {
      note_.lease.clear();  // another has taken over meanwhile
      write_note();
    }
    return true;
  }
  // From when it was asked: the engine's own count began later.
  held_until_ = asked_at_ + kLease - kMargin;
  if (note_.lease != answer.text) {
    note_.lease = answer.text;
    write_note();
  }
  return true;
}

void KeepLease::release() {
  if (!lock_ || !engine_leases_ || note_.lease.empty()) return;
  try {
    pool_.end_lease(note_.lease, Deadline::in(kReleasePatience));
    note_.lease.clear();
    write_note();
  } catch (const Error&) {  // it ends by itself
  }
}

}  // namespace flame::client
