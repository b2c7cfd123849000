#include "client/calls/call_records.hpp"

#include <unistd.h>

#include <algorithm>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/unix_time.hpp"
#include "client/calls/call_id.hpp"
#include "client/key_lines.hpp"
#include "client/state_dir.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kRecordMaxBytes = 16 * 1024;
constexpr std::size_t kRecordMaxCount = 1000;
constexpr std::uint64_t kRecordMaxAge_ms = 7ULL * 24 * 3600 * 1000;

struct Field {
  const char* key;
  std::string CallRecord::*text;
};
constexpr Field kFields[] = {
    {"plugin", &CallRecord::plugin},   {"function", &CallRecord::function}, {"pool", &CallRecord::pool},
    {"backend", &CallRecord::backend}, {"place", &CallRecord::place},       {"runner", &CallRecord::runner},
    {"unix", &CallRecord::unix_path},  {"outcome", &CallRecord::outcome},
};

std::string text_of(const CallRecord& record) {
  std::string out = "begun_at_ms " + std::to_string(record.begun_at_ms) + "\n";
  for (const Field& field : kFields) out += key_line(field.key, record.*field.text);
  return out;
}

void parse(std::string_view text, CallRecord& out) {
  each_key_line(text, [&](std::string_view key, const std::string& value) {
    if (key == "begun_at_ms") out.begun_at_ms = std::strtoull(value.c_str(), nullptr, 10);
    for (const Field& field : kFields)
      if (key == field.key) out.*field.text = value;
  });
}

std::vector<std::string> ids_in(const std::string& directory) {
  std::vector<std::string> out = names_in(directory);
  std::erase_if(out, [](const std::string& name) { return !read_call_id(name); });
  return out;
}

Error unknown(const std::string& text, const char* why) {
  return Error(ErrorKind::usage, "'" + text + "' " + why, "flame calls lists yours");
}

}  // namespace

CallRecords::CallRecords() : directory_(state_dir("calls")) {
  if (directory_.empty())
    throw Error(ErrorKind::config, "there is no place to remember detached calls",
                "set HOME or XDG_STATE_HOME to a directory of your own");
}

std::string CallRecords::path_of(std::uint64_t id) const { return directory_ + "/" + call_id_text(id); }

void CallRecords::write(const CallRecord& record) const {
  write_file_atomic(path_of(record.id), text_of(record), 0600);
}

void CallRecords::drop(std::uint64_t id) const noexcept { ::unlink(path_of(id).c_str()); }

std::optional<CallRecord> CallRecords::read(const std::string& name) const {
  try {
    CallRecord out;
    out.id = read_call_id(name).value_or(0);
    parse(read_file(directory_ + "/" + name, kRecordMaxBytes), out);
    return out;
  } catch (const Error&) {  // dropped meanwhile
    return std::nullopt;
  }
}

std::vector<CallRecord> CallRecords::all() const {
  std::vector<CallRecord> out;
  for (const std::string& name : ids_in(directory_))
    if (auto record = read(name)) out.push_back(std::move(*record));
  std::sort(out.begin(), out.end(),
            [](const CallRecord& a, const CallRecord& b) { return a.begun_at_ms > b.begun_at_ms; });
  return out;
}

CallRecord CallRecords::find(const std::string& text) const {
  const auto prefix = read_call_id_prefix(text);
  if (!prefix) throw unknown(text, "is no call id");
  std::vector<std::string> found;
  for (const std::string& name : ids_in(directory_))
    if (name.starts_with(*prefix)) found.push_back(name);
  if (found.size() > 1) throw unknown(text, "is how the ids of several calls begin");
  const auto record = found.empty() ? std::nullopt : read(found.front());
  if (!record) throw unknown(text, "is no detached call of yours that is remembered here");
  return *record;
}

void CallRecords::prune() const {
  const std::vector<CallRecord> records = all();
  const std::uint64_t oldest_ms = unix_now_ms() - kRecordMaxAge_ms;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (i >= kRecordMaxCount || records[i].begun_at_ms < oldest_ms) drop(records[i].id);
}

CallRecord record_of(const Pool& pool, const Link& link, const std::string& plugin,
                     const std::string& function) {
  CallRecord out;
  out.id = new_call_id();
  out.begun_at_ms = unix_now_ms();
  out.plugin = plugin;
  out.function = function;
  out.pool = pool.settings().name;
  out.backend = pool.settings().backend;
  out.place = pool.place();
  out.runner = runner_in(link.hello());
  for (const Runner& runner : pool.known())
    if (runner.name == out.runner) out.unix_path = runner.address.unix_path;
  return out;
}

}  // namespace flame::client
