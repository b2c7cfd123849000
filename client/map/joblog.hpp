// The job log: which items are over, one line each, written only after their results are out.
// TSV: seq start runner ms exit signal fate hash item. Several runs may append to one file.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"

namespace flame::client {

struct JobRecord {
  std::uint64_t seq = 0;
  double start = 0;  // Unix seconds
  std::string_view runner;
  double ms = 0;
  int exit = 0, signal = 0;
  Fate fate = Fate::done;
  std::string hash;
  std::string_view item;
};

inline constexpr std::string_view kJobLogHeader = "seq\tstart\trunner\tms\texit\tsignal\tfate\thash\titem\n";

void append_job_line(std::string& out, const JobRecord& record);
// The parts that matter for going on; nullopt for a line that is not one of ours.
struct JobKey {
  std::uint64_t seq = 0;
  bool done = false;  // fate done; else it is over and did not go well
  std::string hash;
};
std::optional<JobKey> read_job_line(std::string_view line);

// What a call is, whatever its place in the input: plugin, function, arguments, item.
class JobHasher {
 public:
  JobHasher(std::string_view plugin_sha256, std::string_view function, std::string_view arguments);
  std::string operator()(std::string_view item) const;  // 32 hex digits

 private:
  std::string prefix_;
};

// Which items a log says are over. Equal items are counted, not told apart by their place: an input that has
// them twice needs two entries. An entry is (hash, seq); a later line about the same entry replaces an
// earlier one.
class JobHistory {
 public:
  void add(const JobKey& key);
  enum class Verdict { run, skip, retry };
  struct Answer {
    Verdict verdict = Verdict::run;
    std::uint64_t seq = 0;  // under which it is to be logged
  };
  // The next item of the input with this hash. Uses up one entry.
  Answer ask(const std::string& hash, std::uint64_t seq, bool retry_failed);
  std::uint64_t entries() const { return entries_; }

 private:
  struct Entries {
    std::vector<std::uint64_t> done, failed;
    bool has(std::uint64_t seq) const;
  };
  std::unordered_map<std::string, Entries> by_hash_;
  std::uint64_t entries_ = 0, last_seq_ = 0;
};

class JobLog {
 public:
  // Opens or makes the file. With history: reads it first, and cuts off a line that was not written to its
  // end. Without: a log that has entries is refused, Error(usage). Throws Error(system).
  JobLog(const std::string& path, JobHistory* history);

  // To be written once the output has reached this many bytes.
  void add(std::uint64_t output_bytes, const JobRecord& record);
  // Writes what is due. Throws Error(system) that names the file.
  void flush(std::uint64_t output_bytes);

 private:
  void read(JobHistory& history);
  std::string path_;
  UniqueFd fd_;
  struct Waiting {
    std::uint64_t output_bytes;
    std::size_t size;
  };
  std::deque<Waiting> waiting_;
  std::string text_;  // of what waits
};

}  // namespace flame::client
