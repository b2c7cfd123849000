#include "process_list.hpp"

#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>

#include "base/text.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

std::string command_line(const std::string& folder) {
  std::ifstream file(folder + "/cmdline");
  std::ostringstream all;
  all << file.rdbuf();
  std::string text = all.str();
  while (text.ends_with('\0')) text.pop_back();
  for (char& c : text)
    if (c == '\0') c = ' ';
  return printable(text);
}

std::string directory(const std::string& folder) {
  std::array<char, 4096> target{};
  const ssize_t size = ::readlink((folder + "/cwd").c_str(), target.data(), target.size());
  return size > 0 ? printable({target.data(), static_cast<std::size_t>(size)}) : std::string();
}

std::int64_t resident_bytes(const std::string& folder) {
  std::ifstream statm(folder + "/statm");
  std::int64_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

}  // namespace

json::array process_list(const std::vector<pid_t>& pids) {
  json::array out;
  for (const pid_t pid : pids) {
    const std::string folder = "/proc/" + std::to_string(pid);
    out.push_back(json::object{{"pid", pid},
                               {"stime", 0},
                               {"rtime", 0},
                               {"command", command_line(folder)},
                               {"directory", directory(folder)},
                               {"cpu", 0},
                               {"rss", resident_bytes(folder)},
                               {"listen_sockets", json::array{}}});
  }
  return out;
}

}  // namespace flame::fly
