#include "runner/options.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/text.hpp"
#include "wire/proof.hpp"

namespace flame::runner {
namespace {

struct Row {
  const char* name;
  const char* value;  // what --help calls it; null: the option takes none
  const char* help;
  void (*set)(Options&, const char* name, const std::string& value);
};

Error wants(const char* name, const std::string& what, const std::string& value) {
  return Error(ErrorKind::usage, std::string("--") + name + " wants " + what + ", got '" + value + "'",
               "see flame-runner --help");
}

template <class Number>
Number number(const char* name, const std::string& value) {
  Number out{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out);
  if (error != std::errc() || end != value.data() + value.size() || value.front() == '-')
    throw wants(name, "a whole number", value);
  return out;
}

template <auto Member>
void set_number(Options& out, const char* name, const std::string& value) {
  out.*Member = number<std::remove_reference_t<decltype(out.*Member)>>(name, value);
}
template <auto Member>
void set_optional_number(Options& out, const char* name, const std::string& value) {
  out.*Member = number<typename std::remove_reference_t<decltype(out.*Member)>::value_type>(name, value);
}
template <auto Member>
void set_text(Options& out, const char*, const std::string& value) {
  out.*Member = value;
}
template <auto Member>
void add_text(Options& out, const char*, const std::string& value) {
  (out.*Member).push_back(value);
}
template <auto Member>
void set_flag(Options& out, const char*, const std::string&) {
  out.*Member = true;
}

void set_sandbox(Options& out, const char* name, const std::string& value) {
  if (value != "off" && value != "default" && value != "strict")
    throw wants(name, "off, default or strict", value);
  out.sandbox = value;
}

void set_log_level_option(Options& out, const char* name, const std::string& value) {
  const auto level = log_level_from_name(value);
  if (!level) throw wants(name, "debug, info, warning or error", value);
  out.log_level = *level;
}

constexpr Row kTable[] = {
    {"listen", "ADDR:PORT", "serve TCP there: numbers, or $NAME:PORT; needs a token; may be repeated",
     add_text<&Options::listen>},
    {"token-file", "FILE", "the token; the file is removed (else: FLAME_SECRET)",
     set_text<&Options::token_file>},
    {"socket-fd", "N", "serve this inherited, listening Unix socket", set_number<&Options::socket_fd>},
    {"socket-path", "PATH", "its path: removed at the end; the runner leaves when it goes",
     set_text<&Options::socket_path>},
    {"lock-fd", "N", "a lock to hold for life", set_number<&Options::lock_fd>},
    {"name", "NAME", "what hello and the log call this runner", set_text<&Options::name>},
    {"generation", "TEXT", "what the machine was made from, told in hello", set_text<&Options::generation>},
    {"build", "ID", "the client's build, told in hello", set_text<&Options::build>},
    {"slots", "N", "calls at a time; 0: one per CPU (default 0)", set_number<&Options::slots>},
    {"sandbox", "LEVEL", "off, default or strict (default: default)", set_sandbox},
    {"plugin-dir", "DIR", "where plugins are looked for by name; may be repeated",
     add_text<&Options::plugin_dirs>},
    {"store", "DIR", "for plugins that clients send (default: beside --socket-path, else /var/cache)",
     set_text<&Options::store_dir>},
    {"store-max-bytes", "N", "of the store; what was used longest ago goes (2147483648)",
     set_number<&Options::store_max_bytes>},
    {"worker", "WORD",
     "flame-worker, or a command that runs it, word by word (default: found beside this program)",
     add_text<&Options::worker>},
    {"worker-uid", "UID", "as whom workers run when this is root; 0: as root (65534)",
     set_optional_number<&Options::worker_uid>},
    {"worker-memory-bytes", "N", "for one worker; 0: nine tenths of the machine's, by slots (0)",
     set_number<&Options::worker_memory_bytes>},
    {"worker-max-calls", "N", "then a worker is replaced; 0: no limit (0)",
     set_number<&Options::worker_max_calls>},
    {"idle-timeout-ms", "MS", "leave after so long with nothing in flight; 0: never (300000)",
     set_number<&Options::idle_timeout_ms>},
    {"max-lifetime-ms", "MS", "then drain and leave; 0: no limit (0)", set_number<&Options::max_lifetime_ms>},
    {"drain-timeout-ms", "MS", "cancel what still runs so long after draining began; 0: never (0)",
     set_number<&Options::drain_timeout_ms>},
    {"held-keep-ms", "MS", "how long the end of a detached call is kept (3600000)",
     set_number<&Options::held_keep_ms>},
    {"held-max-bytes", "N", "of one detached call's output, result and logs (16777216)",
     set_number<&Options::held_max_bytes>},
    {"held-total-max-bytes", "N", "of all of them (67108864)", set_number<&Options::held_total_max_bytes>},
    {"exit-with-clients", nullptr, "drain when the last link has ended",
     set_flag<&Options::exit_with_clients>},
    {"own-directory", "DIR", "removed at the end, with all that is in it", set_text<&Options::own_directory>},
    {"max-connections", "N", "open at a time (1024)", set_number<&Options::max_connections>},
    {"http-timeout-ms", "MS", "for a request's head and each piece of its body (10000)",
     set_number<&Options::http_timeout_ms>},
    {"ping-interval-ms", "MS", "on TCP links; three unanswered end the link (20000)",
     set_number<&Options::ping_interval_ms>},
    {"link-grace-ms", "MS", "a lost TCP link may be made again so long; 0: its calls are cancelled (10000)",
     set_number<&Options::link_grace_ms>},
    {"log-level", "LEVEL", "debug, info, warning or error (info)", set_log_level_option},
    {"help", nullptr, "this text", set_flag<&Options::help>},
    {"version", nullptr, "version, ABI and protocol", set_flag<&Options::version>},
};

const Row& row_of(const std::string& word) {
  std::vector<std::string> names;
  for (const Row& row : kTable) {
    if (word == row.name) return row;
    names.emplace_back(row.name);
  }
  const auto near = nearest(word, names);
  throw Error(ErrorKind::usage, "unknown option '--" + word + "'",
              near ? "did you mean '--" + *near + "'?" : "see flame-runner --help");
}

// Installed as PREFIX/bin and PREFIX/libexec/flame; in a build tree the worker's folder is below ours.
std::string default_worker() {
  std::string found =
      find_near_own({"/../libexec/flame/flame-worker", "/worker/flame-worker", "/flame-worker"});
  if (found.empty())
    throw Error(ErrorKind::config, "cannot find flame-worker near " + own_directory(),
                "name it with --worker PATH");
  return found;
}

unsigned usable_cpus() {
  cpu_set_t set;
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? static_cast<unsigned>(CPU_COUNT(&set)) : 1;
}

}  // namespace

Options parse_options(int argc, char** argv) {
  Options out;
  for (int at = 1; at < argc; ++at) {
    const std::string word = argv[at];
    if (!word.starts_with("--") || word.size() < 3)
      throw Error(ErrorKind::usage, "'" + word + "' is no option", "see flame-runner --help");
    const std::size_t equals = word.find('=');
    const Row& row = row_of(word.substr(2, equals == std::string::npos ? equals : equals - 2));
    std::string value;
    if (equals != std::string::npos) {
      if (row.value == nullptr)
        throw Error(ErrorKind::usage, std::string("--") + row.name + " takes no value");
      value = word.substr(equals + 1);
    } else if (row.value != nullptr) {
      if (++at == argc)
        throw Error(ErrorKind::usage, std::string("--") + row.name + " wants a value: " + row.value);
      value = argv[at];
    }
    row.set(out, row.name, value);
    if (out.help || out.version) return out;
  }
  if (out.socket_fd < 0 && out.listen.empty())
    throw Error(ErrorKind::usage, "nothing to serve: needs --listen ADDR:PORT or --socket-fd N",
                "see flame-runner --help");
  if (out.slots == 0) out.slots = usable_cpus();
  if (out.worker.empty()) out.worker = {default_worker()};
  return out;
}

std::optional<unsigned> worker_uid_of(const Options& options) {
  constexpr unsigned nobody = 65534;
  if (::geteuid() != 0 || (!options.worker_uid && options.sandbox == "off")) return std::nullopt;
  const unsigned uid = options.worker_uid.value_or(nobody);
  return uid == 0 ? std::nullopt : std::optional(uid);
}

std::string help_text() {
  std::string out =
      "flame-runner - serve calls of plugin functions on this machine, until nobody needs it\n\n"
      "Usage: flame-runner (--listen ADDR:PORT | --socket-fd N) [OPTIONS]\n\n";
  for (const Row& row : kTable) {
    std::string left = std::string("  --") + row.name;
    if (row.value != nullptr) left += std::string(" ") + row.value;
    left.resize(std::max<std::size_t>(left.size() + 1, 26), ' ');
    out += left + row.help + "\n";
  }
  return out +
         "\nSIGTERM drains: what runs is finished; a second one cancels it. Status 0: left in good order; "
         "125: could not begin.\n\n"
         "Example: FLAME_SECRET=$(head -c 32 /dev/urandom | base64) flame-runner --listen 127.0.0.1:8080\n";
}

std::string take_token(const Options& options) {
  std::string token;
  if (char* secret = std::getenv("FLAME_SECRET")) {
    if (*secret != '\0') token = wire::checked_token(secret, "FLAME_SECRET");
    ::explicit_bzero(secret, std::strlen(secret));  // /proc/PID/environ shows this very memory
    ::unsetenv("FLAME_SECRET");
  }
  if (!options.token_file.empty()) {
    const std::string text = read_file(options.token_file, wire::kTokenMaxBytes + 2);
    if (::unlink(options.token_file.c_str()) != 0)
      throw system_error("cannot remove the token file '" + options.token_file + "'", errno);
    token = wire::checked_token(text, "'" + options.token_file + "'");
  }
  if (token.empty() && !options.listen.empty())
    throw Error(
        ErrorKind::config,
        "a TCP listener needs a token, also on a loopback address: every user of the machine reaches it",
        "give --token-file FILE, or FLAME_SECRET in the environment");
  return token;
}

}  // namespace flame::runner
