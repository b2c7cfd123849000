#include "wire/crash_report.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include <array>
#include <boost/json.hpp>
#include <cstring>
#include <map>

#include "base/fd.hpp"
#include "base/text.hpp"
#include "wire/loaded_elf.hpp"

namespace flame::wire {
namespace {

namespace json = boost::json;

constexpr std::uint64_t kStackGuardBytes = 1024 * 1024;  // as far as one frame may jump below the stack
constexpr std::size_t kTextMaxBytes = 1024;              // of an exception's type or what()

std::string hex_number(std::uint64_t value) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "0x%llx", static_cast<unsigned long long>(value));
  return text.data();
}

std::string clean(std::string_view text) {
  const bool cut = text.size() > kTextMaxBytes;
  return printable(text.substr(0, kTextMaxBytes), true) + (cut ? "…" : "");
}

// ---- Why: from signal, code, address and what was printed ----

bool is_stack_overflow(const CrashRecord& record) {
  const CrashHead& head = record.head;
  const Mapping* at = record.find(head.address);
  if (at != nullptr && at->path == "[stack]") return false;
  for (const Mapping& one : record.maps)
    if (one.path == "[stack]")
      return head.address < one.start && one.start - head.address < kStackGuardBytes &&
             head.sp < one.start + kStackGuardBytes && head.sp > head.address - kStackGuardBytes;
  return false;
}

std::string access_text(const CrashHead& head) {
  const std::string address = "address " + hex_number(head.address);
  switch (head.access) {
    case CrashAccess::read:
      return "read of " + address;
    case CrashAccess::write:
      return "write to " + address;
    case CrashAccess::execute:
      return "jump to " + address;
    case CrashAccess::unknown:
      break;
  }
  return address;
}

const char* denied_text(CrashAccess access) {
  if (access == CrashAccess::write) return ", which is read-only";
  return access == CrashAccess::execute ? ", which holds no code" : ", which may not be read";
}

std::string segv_text(const CrashRecord& record) {
  if (record.head.code == SEGV_MAPERR || record.head.code == SEGV_ACCERR) {
    if (is_stack_overflow(record)) return "stack overflow, " + access_text(record.head);
    return access_text(record.head) +
           (record.head.code == SEGV_MAPERR ? ", not mapped" : denied_text(record.head.access));
  }
  // x86 tells no address for a pointer that is not of canonical form.
  return "a wild pointer: its address is not one that memory can have";
}

std::string code_text(const CrashRecord& record) {
  const CrashHead& head = record.head;
  switch (head.signal) {
    case SIGSEGV:
      return segv_text(record);
    case SIGBUS:
      if (head.code == BUS_ADRERR) return access_text(head) + ", beyond the end of its file";
      if (head.code == BUS_ADRALN) return access_text(head) + ", not aligned";
      return access_text(head) + ", a fault of the memory";
    case SIGFPE:
      if (head.code == FPE_INTDIV) return "integer division by zero, or its result does not fit";
      if (head.code == FPE_INTOVF) return "integer overflow";
      return "a floating-point operation";
    case SIGILL:
      return "illegal instruction at " + hex_number(head.pc) + ": a trap, or one that this CPU lacks";
    case SIGSYS:
      return "a system call that the sandbox forbids";
    default:
      return {};
  }
}

// Lines that the C library, an assertion or a sanitizer prints right before it aborts.
std::string last_words(std::string_view tail) {
  constexpr std::array<std::string_view, 9> beginnings = {"free(): ",
                                                          "malloc(): ",
                                                          "realloc(): ",
                                                          "double free",
                                                          "corrupted ",
                                                          "munmap_chunk(): ",
                                                          "malloc_consolidate()",
                                                          "tcache_",
                                                          "terminate called without"};
  std::string found;
  while (!tail.empty()) {
    const std::size_t end = std::min(tail.find('\n'), tail.size());
    std::string_view line = tail.substr(0, end);
    tail.remove_prefix(std::min(end + 1, tail.size()));
    const std::size_t sanitizer = line.find("ERROR: ");
    if (line.starts_with("==") && sanitizer != std::string_view::npos) {
      line.remove_prefix(sanitizer + 7);
      return clean(line.substr(0, line.find(" at pc ")));
    }
    bool is_reason = line.find(": Assertion `") != std::string_view::npos || line.starts_with("thread '");
    for (const auto beginning : beginnings) is_reason = is_reason || line.starts_with(beginning);
    if (line.starts_with("flame-worker: ")) line.remove_prefix(14);  // how an assertion begins
    if (is_reason) found = clean(line);
    if (line.starts_with("*** ") && line.size() > 8) {
      line.remove_prefix(4);
      found = clean(line.substr(0, line.find(" ***")));
    }
  }
  return found;
}

std::string why_text(const CrashRecord& record, int signal, std::string_view tail) {
  const CrashHead& head = record.head;
  if (!record.valid || head.signal != signal) return {};
  if (head.sender != 0 && head.sender != head.own_pid)
    return "sent by process " + std::to_string(head.sender);
  if (signal != SIGABRT) return head.sender != 0 ? "raised by the plugin itself" : code_text(record);
  const auto exception = find_uncaught(tail);
  if (!exception.type.empty())
    return "uncaught " + exception.type + (exception.what.empty() ? "" : ": " + exception.what);
  const std::string words = last_words(tail);
  return words.empty() ? "abort() was called" : words;
}

// ---- Where: frames as file, build id and offset ----

class Files {
 public:
  Files(const CrashedPlugin& plugin) : plugin_(plugin) {
    struct stat status {};
    if (plugin.fd >= 0 && ::fstat(plugin.fd, &status) == 0) plugin_inode_ = status.st_ino;
  }

  json::object frame(const CrashRecord& record, std::uint64_t address) {
    json::object out;
    const Mapping* at = record.find(address);
    if (at == nullptr || at->inode == 0) {
      out["address"] = hex_number(address);
      if (at != nullptr && !at->path.empty()) out["file"] = printable(at->path);
      return out;
    }
    const bool is_plugin = at->inode == plugin_inode_;
    const LoadedElf& elf = elf_of(*at, is_plugin);
    out["file"] = printable(at->path);
    out["offset"] = elf.address_of(address - at->start + at->offset);
    if (is_plugin && !plugin_.sha256.empty()) out["sha256"] = plugin_.sha256;
    if (!elf.build_id.empty()) out["build_id"] = elf.build_id;
    return out;
  }

 private:
  const LoadedElf& elf_of(const Mapping& mapping, bool is_plugin) {
    const auto [known, is_new] = known_.try_emplace(mapping.inode);
    if (is_new) known->second = is_plugin ? read_loaded_elf(plugin_.fd) : read_mapped(mapping);
    return known->second;
  }

  // The path is the dying worker's word: only a plain file that still is the mapped one is looked at.
  static LoadedElf read_mapped(const Mapping& mapping) {
    const UniqueFd fd(::open(mapping.path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_ino != mapping.inode)
      return {};
    return read_loaded_elf(fd.get());
  }

  const CrashedPlugin& plugin_;
  std::uint64_t plugin_inode_ = 0;
  std::map<std::uint64_t, LoadedElf> known_;
};

bool is_worker(const json::object& frame) {
  const auto* file = frame.if_contains("file");
  return file != nullptr && file->as_string().ends_with("/flame-worker");
}

json::array frames_of(const CrashRecord& record, const CrashedPlugin& plugin) {
  Files files(plugin);
  json::array out;
  for (const std::uint64_t address : record.frames) out.push_back(files.frame(record, address));
  while (!out.empty() && is_worker(out.back().as_object())) out.pop_back();  // what called the function
  return out;
}

}  // namespace

UncaughtException find_uncaught(std::string_view tail) {
  UncaughtException out;
  constexpr std::string_view gnu = "terminate called after throwing an instance of '";
  constexpr std::string_view llvm = "terminating with uncaught exception of type ";
  constexpr std::string_view what = "\n  what():  ";
  if (const std::size_t at = tail.rfind(gnu); at != std::string_view::npos) {
    tail.remove_prefix(at + gnu.size());
    out.type = clean(tail.substr(0, tail.find("'\n")));
    const std::size_t text = tail.find(what);
    if (text == std::string_view::npos) return out;
    tail.remove_prefix(text + what.size());
    while (tail.ends_with('\n')) tail.remove_suffix(1);
    out.what = clean(tail);
  } else if (const std::size_t other = tail.rfind(llvm); other != std::string_view::npos) {
    tail.remove_prefix(other + llvm.size());
    tail = tail.substr(0, tail.find('\n'));
    out.type = clean(tail.substr(0, tail.find(": ")));
    if (const std::size_t text = tail.find(": "); text != std::string_view::npos)
      out.what = clean(tail.substr(text + 2));
  }
  return out;
}

CrashReport make_crash_report(const CrashRecord& record, int signal, const CrashedPlugin& plugin,
                              std::string_view stderr_tail) {
  CrashReport out;
  const char* name = ::sigabbrev_np(signal);
  const std::string signal_name = "SIG" + (name != nullptr ? std::string(name) : std::to_string(signal));
  const std::string why = why_text(record, signal, stderr_tail);
  const char* usual = ::sigdescr_np(signal);
  out.reason = signal_name + " (" + (!why.empty() ? why : usual != nullptr ? usual : "unknown") + ")";

  json::object crash = {{"signal", signal_name}};
  if (!why.empty()) crash["why"] = why;
  if (record.valid && record.head.signal == signal) {
    crash["code"] = record.head.code;
    crash["pc"] = hex_number(record.head.pc);
    if (record.head.sender == 0) crash["address"] = hex_number(record.head.address);
  }
  crash["frames"] = frames_of(record, plugin);
  if (const auto exception = find_uncaught(stderr_tail); !exception.type.empty())
    crash["exception"] = {{"type", exception.type}, {"what", exception.what}};
  if (!stderr_tail.empty()) {
    const std::size_t from =
        stderr_tail.size() > kCrashTailMaxBytes ? stderr_tail.size() - kCrashTailMaxBytes : 0;
    crash["stderr_tail"] = printable(stderr_tail.substr(from), true);
  }
  out.json = json::serialize(crash);
  return out;
}

}  // namespace flame::wire
