#include "backends/local/place.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/socket_address.hpp"

namespace flame::backend::local {
namespace {

constexpr std::size_t kOccupantMaxBytes = 256;

// Locks of the open file description: inherited by the runner, and unlike flock(2) they can be asked about.
struct flock whole_file(short type) {
  struct flock out {};
  out.l_type = type;
  out.l_whence = SEEK_SET;
  return out;
}

std::vector<std::string> sorted_names_in(const std::string& directory) {
  std::vector<std::string> out = names_in(directory);
  std::sort(out.begin(), out.end());
  return out;
}

bool same_file(const UniqueFd& fd, const std::string& path) {
  struct stat ours {
  }, theirs{};
  return ::fstat(fd.get(), &ours) == 0 && ::lstat(path.c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

}  // namespace

UniqueFd Place::try_lock() const {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot make '" + directory_ + "'", errno);
  for (;;) {
    UniqueFd fd = open_file(lock_path(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    struct flock wanted = whole_file(F_WRLCK);
    if (::fcntl(fd.get(), F_OFD_SETLK, &wanted) != 0) {
      if (errno == EAGAIN || errno == EACCES) return UniqueFd();
      throw system_error("cannot lock '" + lock_path() + "'", errno);
    }
    if (same_file(fd, lock_path())) return fd;  // else it was removed in between: another file counts now
  }
}

std::optional<Occupant> Place::occupant() const {
  const UniqueFd fd(::open(lock_path().c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct flock asked = whole_file(F_WRLCK);
  if (!fd || ::fcntl(fd.get(), F_OFD_GETLK, &asked) != 0 || asked.l_type == F_UNLCK) return std::nullopt;
  const std::string text = read_fd(fd.get(), kOccupantMaxBytes);
  Occupant out;
  const std::size_t first = text.find(' ');
  const std::size_t second = first == std::string::npos ? first : text.find(' ', first + 1);
  if (second == std::string::npos) return out;
  out.pid = static_cast<pid_t>(std::strtol(text.c_str(), nullptr, 10));
  out.generation = text.substr(first + 1, second - first - 1);
  out.created_at_ms = std::strtoull(text.c_str() + second, nullptr, 10);
  return out;
}

void Place::write_occupant(const UniqueFd& lock, const Occupant& occupant) const {
  const std::string text = std::to_string(occupant.pid) + " " + occupant.generation + " " +
                           std::to_string(occupant.created_at_ms) + "\n";
  const bool good = ::pwrite(lock.get(), text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                    ::ftruncate(lock.get(), static_cast<off_t>(text.size())) == 0;
  if (!good) throw system_error("cannot write '" + lock_path() + "'", errno);
}

// Listening before the runner runs, so that callers can connect at once; under a temporary name first, so
// that a stale socket is replaced and never met half made.
UniqueFd Place::listen_at(const std::string& generation) const {
  const std::string path = socket_path(generation), temporary = file(".new");
  (void)unix_address(path);
  const sockaddr_un address = unix_address(temporary);
  remove_sockets();
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ::unlink(temporary.c_str());
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(fd.get(), 4096) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const Error error = system_error("cannot listen at '" + path + "'", errno);
    ::unlink(temporary.c_str());
    throw error;
  }
  return fd;
}

void Place::remove_sockets() const {
  for (const std::string& name : sorted_names_in(directory_))
    if (name.starts_with(name_ + ".") && name.ends_with(".sock")) ::unlink((directory_ + "/" + name).c_str());
}

void Place::remove_files() const {
  remove_sockets();
  for (const std::string& path : {file(".new"), log_path(), lock_path()}) ::unlink(path.c_str());
  ::rmdir(directory_.c_str());  // not while another name lives there
}

std::string directory_of(const Request& request) {
  const std::string build = request.text_setting("build");
  if (!request.runtime_dir.starts_with('/') || build.find('/') != std::string::npos)
    throw Error(ErrorKind::protocol, "the request's 'runtime_dir' or 'build' is not what it should be");
  return request.runtime_dir + "/local-" + build;
}

Place place_of(const Request& request) {
  if (request.name.empty()) throw Error(ErrorKind::protocol, "the request's 'name' is missing");
  return Place(directory_of(request), request.name);
}

std::vector<Place> places_of_pool(const Request& request) {
  std::vector<Place> out;
  const std::string directory = directory_of(request), prefix = "flame-" + request.pool + "-",
                    ending = ".lock";
  for (const std::string& file : sorted_names_in(directory)) {
    if (!file.starts_with(prefix) || !file.ends_with(ending)) continue;
    const std::string number = file.substr(prefix.size(), file.size() - prefix.size() - ending.size());
    if (!number.empty() && number.find_first_not_of("0123456789") == std::string::npos)
      out.emplace_back(directory, prefix + number);
  }
  return out;
}

}  // namespace flame::backend::local
