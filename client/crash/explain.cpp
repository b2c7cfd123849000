#include "client/crash/explain.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "client/json_text.hpp"

namespace flame::client {
namespace {

namespace json = boost::json;

constexpr std::size_t kAnswerMaxBytes = 1024 * 1024;
constexpr std::size_t kLineMaxCount = 24;
constexpr timeval kPatience = {10, 0};  // a plugin of a gigabyte takes its time

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// ---- Naming frames ----

std::string debug_file(const std::string& directory, const std::string& build_id) {
  return directory + "/.build-id/" + build_id.substr(0, 2) + "/" + build_id.substr(2) + ".debug";
}

std::vector<std::string> symbol_places() {
  std::vector<std::string> out;
  const char* given = std::getenv("FLAME_SYMBOLS");
  std::string_view rest = given != nullptr ? given : "";
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) out.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out;
}

json::array candidates(const json::object& frame, const std::string& plugin_path,
                       const std::vector<std::string>& places) {
  json::array out;
  const std::string file = text_of(frame, "file"), id = text_of(frame, "build_id");
  if (!plugin_path.empty()) out.emplace_back(plugin_path);
  for (const auto& place : places) {
    out.emplace_back(place);
    out.emplace_back(place + "/" + base_name(file));
    if (id.size() > 2) out.emplace_back(debug_file(place, id));
  }
  if (file.starts_with("/")) out.emplace_back(file);
  if (id.size() > 2) out.emplace_back(debug_file("/usr/lib/debug", id));
  return out;
}

std::string ask_helper(const std::string& request) {
  const std::string path = find_near_own({"/../libexec/flame/flame-symbolize", "/../client/flame-symbolize"});
  std::array<int, 2> pair{};
  if (path.empty() || ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return {};
  const UniqueFd ours(pair[0]);
  UniqueFd theirs(pair[1]);
  ::setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
  ::setsockopt(ours.get(), SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
  SpawnPlan plan;
  plan.path = path;
  plan.arguments = {"flame-symbolize"};
  plan.descriptors = {{theirs.get(), 0}, {theirs.get(), 1}};
  const Child child = spawn(plan);
  theirs.reset();
  std::string answer;
  for (std::size_t at = 0; at < request.size();) {
    const ssize_t n = ::send(ours.get(), request.data() + at, request.size() - at, MSG_NOSIGNAL);
    if (n < 0 && errno != EINTR) break;
    if (n > 0) at += static_cast<std::size_t>(n);
  }
  ::shutdown(ours.get(), SHUT_WR);
  try {
    answer = read_fd(ours.get(), kAnswerMaxBytes);
  } catch (const Error&) {
    ::kill(child.pid, SIGKILL);  // too slow, or too much: the crash is told without names
  }
  wait_child(child);
  return answer;
}

void name_frames(json::object& crash, const std::string& plugin_path) {
  json::array& frames = crash.at("frames").as_array();
  const auto places = symbol_places();
  json::array asked;
  std::vector<std::size_t> which;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const json::object& frame = frames[i].as_object();
    const auto* offset = frame.if_contains("offset");
    if (offset == nullptr || !offset->is_number()) continue;
    asked.push_back({{"offset", *offset},
                     {"build_id", text_of(frame, "build_id")},
                     {"candidates", candidates(frame, plugin_path, places)}});
    which.push_back(i);
  }
  if (asked.empty()) return;
  const std::string answer = ask_helper(json::serialize(json::object{{"frames", asked}}));
  if (answer.empty()) return;
  const json::value named = json::parse(answer);
  const json::array& list = named.at("frames").as_array();
  for (std::size_t i = 0; i < which.size() && i < list.size(); ++i)
    for (const char* key : {"places", "why"}) frames[which[i]].as_object()[key] = list[i].at(key);
}

// ---- Showing them ----

std::string offset_text(const json::object& frame) {
  std::array<char, 32> text{};
  const auto* offset = frame.if_contains("offset");
  if (offset == nullptr || !offset->is_number()) return text_of(frame, "address");
  std::snprintf(text.data(), text.size(), "+0x%llx",
                static_cast<unsigned long long>(offset->to_number<std::uint64_t>()));
  return text.data();
}

std::string short_path(const std::string& path, const std::string& from) {
  return path.starts_with(from + "/") ? path.substr(from.size() + 1) : base_name(path);
}

// The lines of one frame without their numbers: what is inlined there, then the function.
std::vector<std::string> frame_texts(const json::object& frame, const std::string& from) {
  const std::string file = base_name(text_of(frame, "file"));
  if (file == "flame-worker") return {"a host function, in flame-worker"};
  std::vector<std::string> out;
  if (const auto* places = frame.if_contains("places"); places != nullptr && places->is_array())
    for (const auto& item : places->get_array()) {
      const json::object& place = item.as_object();
      std::string text = text_of(place, "function");
      if (text.empty()) text = "?";
      const std::string source = text_of(place, "file");
      if (!source.empty())
        text += " at " + short_path(source, from) + ":" + std::to_string(place.at("line").to_number<int>());
      else
        text += " in " + file;
      out.push_back(std::move(text));
    }
  for (std::size_t i = 0; i + 1 < out.size(); ++i) out[i] += " (inlined)";
  if (!out.empty()) return out;
  const std::string why = text_of(frame, "why");
  return {"? in " + (file.empty() ? "no file, " : file) + offset_text(frame) +
          (why.empty() ? "" : " (" + why + ")")};
}

bool is_system_library(const json::object& frame) {
  const std::string file = base_name(text_of(frame, "file"));
  for (const char* name : {"libc.so", "libstdc++.so", "libgcc_s.so", "libpthread.so", "libc++abi.so"})
    if (file.starts_with(name)) return true;
  return false;
}

// An abort begins deep in the C library, which says nothing; a bad memory access there (memcpy) does.
std::size_t first_telling(const json::object& crash, const json::array& frames) {
  if (text_of(crash, "signal") != "SIGABRT") return 0;
  for (std::size_t i = 0; i < frames.size(); ++i)
    if (!is_system_library(frames[i].as_object())) return i;
  return 0;
}

// What started a thread says nothing either.
std::size_t last_telling(const json::array& frames, std::size_t first) {
  std::size_t end = frames.size();
  while (end > first + 1 && (is_system_library(frames[end - 1].as_object()) ||
                             text_of(frames[end - 1].as_object(), "file").empty()))
    --end;
  return end;
}

}  // namespace

std::vector<std::string> crash_lines(const std::string& crash_json, const std::string& from) {
  const json::value crash = json::parse(crash_json);
  json::array frames = crash.at("frames").as_array();
  const std::size_t first = first_telling(crash.as_object(), frames);
  frames.resize(last_telling(frames, first));
  std::vector<std::string> out;
  for (std::size_t i = first; i < frames.size();) {
    const auto texts = frame_texts(frames[i].as_object(), from);
    std::size_t same = i + 1;
    while (same < frames.size() && frame_texts(frames[same].as_object(), from) == texts) ++same;
    if (out.size() >= kLineMaxCount) {
      out.push_back("… and " + std::to_string(frames.size() - i) + " more");
      break;
    }
    for (std::size_t k = 0; k < texts.size(); ++k) {
      std::string line = "#" + std::to_string(i) + " " + texts[k];
      if (same - i > 1 && k + 1 == texts.size()) line += " (" + std::to_string(same - i) + " frames)";
      out.push_back(std::move(line));
    }
    i = same;
  }
  return out;
}

void explain_crash(Error& error, const std::string& plugin_path) noexcept {
  if (error.crash.empty()) return;
  try {
    error.message = base_name(plugin_path) + ": " + error.message;
    json::value crash = json::parse(error.crash);
    name_frames(crash.as_object(), plugin_path);
    error.crash = json::serialize(crash);
    std::array<char, 4096> here{};
    if (::getcwd(here.data(), here.size()) == nullptr) here[0] = '\0';
    auto lines = crash_lines(error.crash, here.data());
    error.contexts.insert(error.contexts.begin(), lines.begin(), lines.end());
  } catch (const std::exception&) {
    return;  // what the runner sent is not what PROTOCOL.md says: its message alone has to do
  }
}

}  // namespace flame::client
