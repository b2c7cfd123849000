#include "client/map/results_dir.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.hpp"

namespace flame::client {

ResultsDir::ResultsDir(const std::string& path) : path_(path) {
  if (::mkdir(path.c_str(), 0777) != 0 && errno != EEXIST)
    throw system_error("cannot make the directory '" + path + "'", errno);
  directory_ = open_file(path, O_RDONLY | O_DIRECTORY);
}

void ResultsDir::put(std::uint64_t number, std::string_view content) {
  const std::string name = std::to_string(number), temporary = "." + name + ".new";
  const int at = directory_.get();
  UniqueFd file(::openat(at, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (file && write_all(file.get(), content) && ::close(file.release()) == 0 &&
      ::renameat(at, temporary.c_str(), at, name.c_str()) == 0)
    return;
  const int why = errno;
  ::unlinkat(at, temporary.c_str(), 0);
  throw system_error("cannot write '" + path_ + "/" + name + "'", why).with_fate(Fate::done);
}

}  // namespace flame::client
