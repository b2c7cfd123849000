#include "client/crash/crash_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/plain_why.hpp"
#include "base/text.hpp"
#include "client/json_text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;
constexpr int kRevision = 1;
constexpr std::size_t kCopyBytes = 64 * 1024;

std::uint64_t size_of(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? static_cast<std::uint64_t>(status.st_size) : 0;
}

// From where `from` stands. Throws Error(system).
void copy(int from, int to, std::uint64_t bytes) {
  std::array<char, kCopyBytes> buffer;
  while (bytes > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(bytes, buffer.size()));
    const auto n = read_full(from, buffer.data(), want);
    if (n <= 0 || !write_all(to, buffer.data(), static_cast<std::size_t>(n)))
      throw system_error("cannot copy the bytes of a crash", n == 0 ? EIO : errno);
    bytes -= static_cast<std::uint64_t>(n);
  }
}

// ---- Keeping ----

json::object error_object(const Error& error) {
  json::object out = {
      {"kind", error_kind_name(error.kind)}, {"message", printable(error.message)}, {"signal", error.signal}};
  if (!error.crash.empty()) out["crash"] = json::parse(error.crash);
  return out;
}

json::value parsed(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::parse(text);
}

// What tells the runner's make; its nonces, load and pid say nothing later.
json::object runner_object(const std::string& hello) {
  json::object out;
  if (hello.empty()) return out;
  const json::value said = json::parse(hello);
  for (const char* key : {"version", "abi", "libc", "machine", "runner", "generation"})
    if (const auto* value = said.as_object().if_contains(key)) out[key] = *value;
  return out;
}

// The plugin's hash as the runner told it, for one that only the image has.
std::string hash_in_frames(const Error& error) {
  if (error.crash.empty()) return {};
  const json::value crash = json::parse(error.crash);
  for (const auto& frame : crash.at("frames").as_array())
    if (const std::string hash = text_of(frame.as_object(), "sha256"); !hash.empty()) return hash;
  return {};
}

std::string file_name(const Invocation& call) {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  std::array<char, 32> when{};
  std::strftime(when.data(), when.size(), "%Y%m%dT%H%M%SZ", &utc);
  const std::string plugin = call.path.substr(call.path.rfind('/') + 1);
  std::string out = plugin.substr(0, plugin.find(".so")) + "-" + call.function + "-" + when.data() + "-" +
                    std::to_string(::getpid()) + ".crash";
  for (char& c : out)
    if (c == '/' || static_cast<unsigned char>(c) <= ' ') c = '_';
  return out.starts_with('.') ? "_" + out : out;
}

}  // namespace

UniqueFd scratch_file(const std::string& directory) {
  std::string path = directory + "/flame-XXXXXX";
  UniqueFd fd(::mkostemp(path.data(), O_CLOEXEC));
  if (!fd) throw system_error("cannot make a file in '" + directory + "'", errno);
  ::unlink(path.c_str());
  return fd;
}

CrashKeeper::CrashKeeper(std::string directory, const Invocation& call)
    : call_(call), directory_(std::move(directory)) {
  if (::mkdir(directory_.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot make the directory '" + directory_ + "' for crashes", errno);
  scratch_file(directory_);  // one that cannot be written to is better known now
  for (const CallArgument& one : call.arguments)
    if (one.source != nullptr) record(one.source);
  if (call.input != nullptr) record(call.input);
}

void CrashKeeper::record(InputSource* source) {
  UniqueFd fd = scratch_file(directory_);
  source->record_to(fd.get());
  records_.emplace_back(source, std::move(fd));
}

bool CrashKeeper::is_kept(const Error& error) {
  return error.kind == ErrorKind::crashed || error.kind == ErrorKind::exited ||
         error.kind == ErrorKind::out_of_memory;
}

std::string CrashKeeper::keep(const Error& error, const std::vector<std::string>& with,
                              const std::string& hello, const std::string& facts) const {
  json::array arguments, names, files;
  bool whole = true;
  std::size_t at = 0;
  const auto bytes_of_next = [&] {
    whole = whole && records_[at].first->at_end();
    return size_of(records_[at++].second.get());
  };
  for (const CallArgument& one : call_.arguments) {
    if (one.source != nullptr)
      arguments.emplace_back(json::object{{"bytes", bytes_of_next()}});
    else
      arguments.emplace_back(
          json::object{{one.kind == wire::ArgumentKind::word ? "word" : "json", one.value}});
  }
  for (const auto& [name, value] : call_.environment) names.emplace_back(name);
  for (const auto& file : with) files.emplace_back(file);
  json::object head = {
      {"flame_crash", kRevision},
      {"plugin",
       {{"path", call_.path},
        {"sha256", call_.sha256.empty() ? hash_in_frames(error) : call_.sha256},
        {"files", parsed(call_.files)},
        {"with", files}}},
      {"function", call_.function},
      {"arguments", arguments},
      {"input_bytes", call_.input != nullptr ? json::value(bytes_of_next()) : json::value(nullptr)},
      {"whole", whole},
      {"environment", names},
      {"runner", runner_object(hello)},
      {"image_facts", parsed(facts)},
      {"error", error_object(error)}};
  const std::string path = directory_ + "/" + file_name(call_);
  const UniqueFd out = open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!write_all(out.get(), json::serialize(head) + "\n"))
    throw system_error("cannot write '" + path + "'", errno);
  for (const auto& [source, fd] : records_) {
    ::lseek(fd.get(), 0, SEEK_SET);
    copy(fd.get(), out.get(), size_of(fd.get()));
  }
  return path;
}

// ---- Reading ----

namespace {

constexpr std::size_t kHeadMaxBytes = 64 * 1024 * 1024;

std::string read_head(int fd) {
  std::string out;
  std::array<char, kCopyBytes> buffer;
  for (;;) {
    const auto n = read_full(fd, buffer.data(), buffer.size());
    if (n <= 0) throw Error(ErrorKind::config, "it has no first line");
    out.append(buffer.data(), static_cast<std::size_t>(n));
    if (const std::size_t end = out.find('\n'); end != std::string::npos) {
      out.resize(end);
      ::lseek(fd, static_cast<off_t>(end + 1), SEEK_SET);
      return out;
    }
    if (out.size() > kHeadMaxBytes) throw Error(ErrorKind::config, "its first line does not end");
  }
}

std::string temporary_directory() {
  const char* given = std::getenv("TMPDIR");
  return given != nullptr && *given == '/' ? given : "/tmp";
}

class Reader {
 public:
  Reader(CrashFile& out, const json::object& head, int fd)
      : out_(out), head_(head), fd_(fd), left_(size_of(fd)) {
    left_ -= static_cast<std::uint64_t>(std::max<off_t>(0, ::lseek(fd, 0, SEEK_CUR)));
  }

  void read() {
    const json::object& plugin = head_.at("plugin").as_object();
    out_.plugin = text_of(plugin, "path");
    out_.sha256 = text_of(plugin, "sha256");
    if (const auto& files = plugin.at("files"); !files.is_null()) out_.files = json::serialize(files);
    out_.with = json::value_to<std::vector<std::string>>(plugin.at("with"));
    out_.function = text_of(head_, "function");
    out_.environment = json::value_to<std::vector<std::string>>(head_.at("environment"));
    out_.whole = head_.at("whole").as_bool();
    out_.reason = text_of(head_.at("error").as_object(), "message");
    for (const auto& one : head_.at("arguments").as_array()) argument(one.as_object());
    if (const auto& input = head_.at("input_bytes"); !input.is_null())
      out_.input = source(input.to_number<std::uint64_t>());
    if (left_ != 0) throw Error(ErrorKind::config, "it is longer than its first line says");
  }

 private:
  void argument(const json::object& said) {
    CallArgument& one = out_.arguments.emplace_back();
    if (const auto* bytes = said.if_contains("bytes")) {
      one.kind = wire::ArgumentKind::bytes;
      one.source = source(bytes->to_number<std::uint64_t>());
      return;
    }
    const bool is_word = said.contains("word");
    one.kind = is_word ? wire::ArgumentKind::word : wire::ArgumentKind::json;
    one.value = json::value_to<std::string>(said.at(is_word ? "word" : "json"));
  }

  InputSource* source(std::uint64_t bytes) {
    if (bytes > left_) throw Error(ErrorKind::config, "it is shorter than its first line says");
    left_ -= bytes;
    UniqueFd fd = scratch_file(temporary_directory());
    copy(fd_, fd.get(), bytes);
    ::lseek(fd.get(), 0, SEEK_SET);
    return &out_.sources.emplace_back(std::move(fd));
  }

  CrashFile& out_;
  const json::object& head_;
  int fd_;
  std::uint64_t left_;
};

}  // namespace

CrashFile CrashFile::read(const std::string& path) {
  const UniqueFd fd = open_file(path, O_RDONLY | O_NOCTTY);
  CrashFile out;
  const auto unusable = [&path](const std::string& why) {
    return Error(ErrorKind::config, "'" + path + "' is no crash file that can be replayed: " + why,
                 "give a file that flame run --keep-crash left");
  };
  try {
    const json::value head = json::parse(read_head(fd.get()));
    if (head.at("flame_crash").to_number<int>() != kRevision)
      throw Error(ErrorKind::config, "it is of another revision");
    Reader(out, head.as_object(), fd.get()).read();
  } catch (const Error& error) {
    if (error.kind != ErrorKind::config) throw;
    throw unusable(error.message);
  } catch (const std::exception& error) {
    throw unusable(plain_why(error));
  }
  return out;
}

}  // namespace flame::client
