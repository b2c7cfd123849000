#include "runner/plugin_store.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <set>

#include "base/error.hpp"
#include "base/text.hpp"

namespace flame::runner {
namespace fs = std::filesystem;
namespace {

bool is_hash(std::string_view name) {
  return name.size() == 64 && name.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

void make_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("the runner cannot make the plugin store '" + path + "'", errno);
}

// In a directory that others may write to, one of this name may be theirs.
void check_owner(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) throw system_error("cannot look at '" + path + "'", errno);
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 022) != 0)
    throw Error(ErrorKind::config, "the plugin store '" + path + "' is not a directory of this runner alone",
                "give flame-runner another --store DIR");
}

bool stays_inside(const std::string& path) {
  if (path.empty() || path.size() > 4096 || path.front() == '/' || path.find('\0') != std::string::npos)
    return false;
  const fs::path parsed(path);
  return std::none_of(parsed.begin(), parsed.end(),
                      [](const fs::path& part) { return part == ".." || part == "." || part.empty(); });
}

}  // namespace

std::string set_hash(const std::vector<SetFile>& files) {
  std::string list;
  std::set<std::string> seen;
  for (const SetFile& file : files) {
    if (!stays_inside(file.path) || !is_hash(file.sha256) || !seen.insert(file.path).second)
      throw Error(ErrorKind::bad_arguments,
                  "'" + printable(file.path) + "' cannot be a file of a plugin's set");
    list += file.sha256 + " " + file.path + '\0';
  }
  return hex(sha256(list));
}

void PluginStore::open() {
  if (opened_) return;
  for (const auto& path : {directory_, directory_ + "/blobs", directory_ + "/sets"}) make_directory(path);
  check_owner(directory_);
  // Passed through by whoever knows the hash; not listed.
  if (shared_ && ::chmod(directory_.c_str(), 0711) != 0)
    throw system_error("cannot open '" + directory_ + "' to workers", errno);
  scan();
  opened_ = true;
}

// What an earlier runner of this name left. Its bytes are hashed again before they are used; sets are made
// anew.
void PluginStore::scan() {
  std::error_code ignored;
  fs::remove_all(directory_ + "/sets", ignored);
  make_directory(directory_ + "/sets");
  if (shared_)
    for (const char* name : {"/sets", "/blobs"}) ::chmod((directory_ + name).c_str(), 0711);
  std::vector<std::pair<fs::file_time_type, fs::directory_entry>> found;
  for (const auto& one : fs::directory_iterator(directory_ + "/blobs")) {
    const std::string name = one.path().stem();
    if (!is_hash(name) || one.path().extension() != ".so" || !one.is_regular_file(ignored))
      fs::remove(one.path(), ignored);
    else
      found.emplace_back(one.last_write_time(ignored), one);
  }
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [time, one] : found) add(one.path().stem(), one.file_size(ignored));
  make_room(0);
}

bool PluginStore::has(const std::string& sha256) {
  if (!opened_ && ::access((directory_ + "/blobs").c_str(), F_OK) != 0) return false;
  open();
  return blobs_.contains(sha256);
}

std::string PluginStore::find(const std::string& sha256) {
  if (!has(sha256)) return {};
  blobs_[sha256].used = ++clock_;
  return blob_path(sha256);
}

std::string PluginStore::find_set(const std::vector<SetFile>& files) {
  const std::string hash = set_hash(files), path = set_path(hash);
  for (const SetFile& file : files)
    if (find(file.sha256).empty()) return {};
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return path;
  // Made aside and renamed, so that a half made one is never met.
  const std::string aside = path + ".new";
  std::error_code failed;
  fs::remove_all(aside, failed);
  for (const SetFile& file : files) {
    const fs::path target = aside + "/" + file.path;
    fs::create_directories(target.parent_path());
    fs::create_hard_link(blob_path(file.sha256), target);
  }
  fs::rename(aside, path);
  for (const SetFile& file : files) blobs_[file.sha256].sets.push_back(hash);
  return path;
}

void PluginStore::forget(const std::string& sha256) {
  if (has(sha256)) drop(sha256);
}

void PluginStore::add(const std::string& sha256, std::uint64_t bytes) {
  Blob& blob = blobs_[sha256];
  used_bytes_ += bytes - blob.bytes;
  blob.bytes = bytes;
  blob.used = ++clock_;
}

// Workers that have it mapped keep it; new ones will ask for it again.
void PluginStore::drop(const std::string& sha256) {
  const auto at = blobs_.find(sha256);
  std::error_code ignored;
  for (const std::string& set : at->second.sets) fs::remove_all(set_path(set), ignored);
  ::unlink(blob_path(sha256).c_str());
  used_bytes_ -= at->second.bytes;
  blobs_.erase(at);
}

void PluginStore::make_room(std::uint64_t bytes) {
  while (!blobs_.empty() && used_bytes_ + bytes > max_bytes_) {
    const auto oldest = std::min_element(blobs_.begin(), blobs_.end(), [](const auto& a, const auto& b) {
      return a.second.used < b.second.used;
    });
    drop(std::string(oldest->first));
  }
}

PluginStore::Writer::Writer(PluginStore& store, std::string sha256)
    : store_(store), sha256_(std::move(sha256)) {
  store_.open();
  path_ = store_.directory_ + "/blobs/part-" + std::to_string(++store_.writers_);
  fd_ = open_file(path_, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
}

PluginStore::Writer::~Writer() {
  if (!installed_) ::unlink(path_.c_str());
}

void PluginStore::Writer::write(std::string_view bytes) {
  have_ += bytes.size();
  if (have_ > store_.max_bytes_)
    throw Error(ErrorKind::limit,
                "the plugin is larger than the runner's store, which holds " +
                    std::to_string(store_.max_bytes_) + " bytes",
                "give flame-runner a larger --store-max-bytes");
  if (!write_all(fd_.get(), bytes)) throw system_error("the runner cannot store the plugin", errno);
  hash_.update(bytes);
}

void PluginStore::Writer::install() {
  if (hex(hash_.finish()) != sha256_)
    throw Error(ErrorKind::protocol, "the bytes that came are not those of sha256 " + sha256_,
                "was the file written to while it was sent? Run it again");
  if (store_.blobs_.contains(sha256_)) return;  // another sender was faster
  store_.make_room(have_);
  // Workers may run under another uid; nobody may write to what has been checked.
  if (::fchmod(fd_.get(), 0555) != 0 || ::rename(path_.c_str(), store_.blob_path(sha256_).c_str()) != 0)
    throw system_error("the runner cannot store the plugin", errno);
  installed_ = true;
  store_.add(sha256_, have_);
}

}  // namespace flame::runner
