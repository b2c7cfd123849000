#include "client/map/joblog.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

constexpr std::size_t kHashDigits = 32;

// So that an item is one field of one line, and can be had back.
void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\')
      out += "\\\\";
    else if (c == '\t')
      out += "\\t";
    else if (c == '\n')
      out += "\\n";
    else if (c == '\r')
      out += "\\r";
    else if (byte < 0x20 || byte == 0x7F)
      (out += "\\x") += hex({&c, 1});
    else
      out += c;
  }
}

std::vector<std::string_view> fields_of(std::string_view line) {
  std::vector<std::string_view> out;
  for (std::size_t at = 0;;) {
    const std::size_t tab = line.find('\t', at);
    out.push_back(line.substr(at, tab - at));
    if (tab == std::string_view::npos) return out;
    at = tab + 1;
  }
}

}  // namespace

void append_job_line(std::string& out, const JobRecord& record) {
  std::array<char, 160> numbers{};
  int n = std::snprintf(numbers.data(), numbers.size(), "%llu\t%.3f\t",
                        static_cast<unsigned long long>(record.seq), record.start);
  out.append(numbers.data(), static_cast<std::size_t>(n));
  append_escaped(out, record.runner);
  n = std::snprintf(numbers.data(), numbers.size(), "\t%.3f\t%d\t%d\t", record.ms, record.exit,
                    record.signal);
  out.append(numbers.data(), static_cast<std::size_t>(n));
  ((((out += fate_name(record.fate)) += '\t') += record.hash) += '\t');
  append_escaped(out, record.item);
  out += '\n';
}

std::optional<JobKey> read_job_line(std::string_view line) {
  const auto fields = fields_of(line);
  if (fields.size() != 9) return std::nullopt;
  JobKey key;
  const std::string_view seq = fields[0];
  const auto [end, why] = std::from_chars(seq.data(), seq.data() + seq.size(), key.seq);
  const auto fate = fate_from_name(fields[6]);
  if (why != std::errc() || end != seq.data() + seq.size() || !fate || fields[7].size() != kHashDigits ||
      !from_hex(fields[7]))
    return std::nullopt;
  key.done = *fate == Fate::done;
  key.hash = fields[7];
  return key;
}

JobHasher::JobHasher(std::string_view plugin_sha256, std::string_view function, std::string_view arguments) {
  std::string all(plugin_sha256);
  ((all += '\0') += function) += '\0';
  prefix_ = sha256(all += arguments);
}

std::string JobHasher::operator()(std::string_view item) const {
  return hex(sha256(prefix_ + std::string(item)).substr(0, kHashDigits / 2));
}

bool JobHistory::Entries::has(std::uint64_t seq) const {
  return std::find(done.begin(), done.end(), seq) != done.end() ||
         std::find(failed.begin(), failed.end(), seq) != failed.end();
}

void JobHistory::add(const JobKey& key) {
  Entries& entries = by_hash_[key.hash];
  last_seq_ = std::max(last_seq_, key.seq);
  if (const auto before = std::find(entries.failed.begin(), entries.failed.end(), key.seq);
      before != entries.failed.end()) {
    if (!key.done) return;
    entries.failed.erase(before);
    entries.done.push_back(key.seq);
    return;
  }
  if (std::find(entries.done.begin(), entries.done.end(), key.seq) != entries.done.end()) return;
  ++entries_;
  (key.done ? entries.done : entries.failed).push_back(key.seq);
}

JobHistory::Answer JobHistory::ask(const std::string& hash, std::uint64_t seq, bool retry_failed) {
  const auto found = by_hash_.find(hash);
  if (found == by_hash_.end()) return {Verdict::run, seq};
  Entries& entries = found->second;
  for (auto* list : {&entries.done, &entries.failed}) {
    if (list->empty()) continue;
    const std::uint64_t entry = list->back();
    list->pop_back();
    return {list == &entries.failed && retry_failed ? Verdict::retry : Verdict::skip, entry};
  }
  // All its entries are used up: this one is new. An equal item of another run may have had this number.
  return {Verdict::run, ++last_seq_};
}

JobLog::JobLog(const std::string& path, JobHistory* history)
    : path_(path), fd_(open_file(path, O_RDWR | O_CREAT | O_APPEND | O_NOCTTY, 0666)) {
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
    throw Error(ErrorKind::usage, "another flame map writes the job log '" + path + "'",
                "wait for it, or use a file of its own");
  const off_t size = ::lseek(fd_.get(), 0, SEEK_END);
  if (size > 0 && history == nullptr)
    throw Error(ErrorKind::usage, "the job log '" + path + "' has entries already",
                "--resume goes on where it ends; else remove it");
  if (size > 0) read(*history);
  if (size <= 0 && !write_all(fd_.get(), kJobLogHeader))
    throw system_error("cannot write the job log '" + path_ + "'", errno);
}

void JobLog::read(JobHistory& history) {
  constexpr std::size_t kStepBytes = 64 * 1024;
  std::string text;
  off_t whole = 0;  // bytes up to the end of the last whole line
  bool first = true;
  for (off_t at = 0;;) {
    const std::size_t had = text.size();
    text.resize(had + kStepBytes);
    const ssize_t n = ::pread(fd_.get(), text.data() + had, kStepBytes, at);
    if (n < 0) throw system_error("cannot read the job log '" + path_ + "'", errno);
    text.resize(had + static_cast<std::size_t>(n));
    at += n;
    std::size_t from = 0;
    for (std::size_t end; (end = text.find('\n', from)) != std::string::npos; from = end + 1) {
      const std::string_view line = std::string_view(text).substr(from, end - from);
      if (first && std::string(line) + "\n" != kJobLogHeader)
        throw Error(ErrorKind::usage, "'" + path_ + "' is not a job log of flame map");
      if (const auto key = first ? std::nullopt : read_job_line(line)) history.add(*key);
      first = false;
    }
    whole += static_cast<off_t>(from);
    text.erase(0, from);
    if (n == 0) break;
  }
  // Whoever wrote it was killed in the middle of a line, or the disk was full.
  if (!text.empty() && ::ftruncate(fd_.get(), whole) != 0)
    throw system_error("cannot shorten the job log '" + path_ + "'", errno);
  if (whole == 0 && !write_all(fd_.get(), kJobLogHeader))
    throw system_error("cannot write the job log '" + path_ + "'", errno);
}

void JobLog::add(std::uint64_t output_bytes, const JobRecord& record) {
  const std::size_t before = text_.size();
  append_job_line(text_, record);
  waiting_.push_back({output_bytes, text_.size() - before});
}

void JobLog::flush(std::uint64_t output_bytes) {
  std::size_t size = 0;
  for (; !waiting_.empty() && waiting_.front().output_bytes <= output_bytes; waiting_.pop_front())
    size += waiting_.front().size;
  if (size == 0) return;
  if (!write_all(fd_.get(), std::string_view(text_).substr(0, size)))
    throw system_error("cannot write the job log '" + path_ + "'", errno);
  text_.erase(0, size);
}

}  // namespace flame::client
