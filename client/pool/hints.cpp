#include "client/pool/hints.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/key_lines.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kHintMaxBytes = 16 * 1024;

// A token stands in it: only a regular file that is ours and that nobody else can read or write.
std::optional<std::string> read_ours(const std::string& path) {
  try {
    const UniqueFd fd = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_uid != ::geteuid() ||
        (status.st_mode & 077) != 0)
      return std::nullopt;
    return read_fd(fd.get(), kHintMaxBytes);
  } catch (const Error&) {
    return std::nullopt;
  }
}

Runner parse(const std::string& name, std::string_view text) {
  Runner out;
  out.name = name;
  each_key_line(text, [&](std::string_view key, const std::string& value) {
    if (key == "unix") out.address.unix_path = value;
    if (key == "tcp") out.address.tcp = value;
    if (key == "token") out.address.token = value;
    if (key == "generation") out.generation = value;
    if (const std::size_t colon = value.find(':'); key == "header" && colon != std::string::npos)
      out.address.headers.emplace_back(value.substr(0, colon), value.substr(colon + 1));
  });
  return out;
}

}  // namespace

std::vector<Runner> Hints::read(const std::string& generation) const {
  std::vector<Runner> out;
  for (const std::string& name : names_in(directory_)) {
    if (name.find('.') != std::string::npos) continue;  // half-written ones have a dot
    const auto text = read_ours(directory_ + "/" + name);
    if (!text) continue;
    Runner runner = parse(name, *text);
    if (runner.address.known() && runner.generation == generation) out.push_back(std::move(runner));
  }
  std::sort(out.begin(), out.end(), [](const Runner& a, const Runner& b) { return a.name < b.name; });
  return out;
}

std::optional<Runner> Hints::find(const std::string& name) const {
  const auto text = read_ours(directory_ + "/" + name);
  if (!text || name.find('/') != std::string::npos) return std::nullopt;
  Runner runner = parse(name, *text);
  return runner.address.known() ? std::optional(std::move(runner)) : std::nullopt;
}

void Hints::write(const Runner& runner) const noexcept try {
  std::string text;
  const auto line = [&](const char* key, const std::string& value) {
    if (!value.empty()) text += key_line(key, value);
  };
  line("unix", runner.address.unix_path);
  line("tcp", runner.address.tcp);
  line("token", runner.address.token);
  line("generation", runner.generation);
  for (const auto& [name, value] : runner.address.headers) line("header", name + ":" + value);
  line("seen_at", std::to_string(::time(nullptr)));
  // One that its user will not know about can make the directory: others cannot get in.
  const std::string parent = directory_.substr(0, directory_.rfind('/'));
  ::mkdir(parent.c_str(), 0700);
  ::mkdir(directory_.c_str(), 0700);
  write_file_atomic(directory_ + "/" + runner.name, text, 0600);
} catch (...) {
}

void Hints::drop(const std::string& name) const noexcept { ::unlink((directory_ + "/" + name).c_str()); }

}  // namespace flame::client
