#include "client/plugin/ship_set.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "base/error.hpp"
#include "client/plugin/file_hash.hpp"
#include "wire/limits.hpp"

namespace flame::client {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kOrigins[] = {"$ORIGIN", "${ORIGIN}"};

bool names_origin(std::string_view search_path) {
  return std::any_of(std::begin(kOrigins), std::end(kOrigins), [&](std::string_view origin) {
    return search_path.find(origin) != std::string_view::npos;
  });
}

// The folders of a RUNPATH that move with the file; others are the image's own.
std::vector<fs::path> moving_folders(std::string_view search_path, const fs::path& file) {
  std::vector<fs::path> out;
  while (!search_path.empty()) {
    const std::size_t end = std::min(search_path.find(':'), search_path.size());
    const std::string_view one = search_path.substr(0, end);
    for (const std::string_view origin : kOrigins)
      if (one.starts_with(origin))
        out.push_back(
            (file.parent_path() / fs::path("." + std::string(one.substr(origin.size())))).lexically_normal());
    search_path.remove_prefix(std::min(end + 1, search_path.size()));
  }
  return out;
}

void add_libraries(const Needs& needs, const fs::path& file, std::vector<fs::path>& found) {
  for (const auto& folder : moving_folders(needs.search_path, file))
    for (const auto& library : needs.libraries) {
      const fs::path path = (folder / library).lexically_normal();
      std::error_code ignored;
      if (!fs::is_regular_file(path, ignored) || std::find(found.begin(), found.end(), path) != found.end())
        continue;
      if (found.size() >= wire::kShipFileMaxCount)
        throw Error(ErrorKind::limit,
                    "a plugin with more than " + std::to_string(wire::kShipFileMaxCount) + " files");
      found.push_back(path);
      const OpenPlugin opened = open_plugin(path);
      add_libraries(needs_of(opened.elf, 0), path, found);
    }
}

fs::path common_folder(fs::path folder, const std::vector<fs::path>& files) {
  for (const auto& file : files)
    while (*file.lexically_relative(folder).begin() == "..") folder = folder.parent_path();
  return folder;
}

fs::path given_file(const std::string& name) {
  std::error_code why;
  const fs::path path = fs::canonical(name, why);
  if (why || !fs::is_regular_file(path))
    throw Error(ErrorKind::plugin_missing,
                "cannot send '" + name + "' along: " + (why ? why.message() : "not a file"));
  return path;
}

ShipFile describe(const fs::path& source, const fs::path& path) {
  ShipFile out;
  out.source = source;
  out.path = path;
  const auto [sha256, bytes] = hash_of_file(out.source);
  out.sha256 = sha256;
  out.bytes = bytes;
  return out;
}

}  // namespace

bool may_have_set(const PluginFile& plugin, const std::vector<std::string>& with) {
  return !with.empty() || names_origin(plugin.needs.search_path);
}

std::vector<ShipFile> collect_set(const PluginFile& plugin, const std::vector<std::string>& with) {
  const fs::path own(plugin.path);
  std::vector<fs::path> libraries;
  if (names_origin(plugin.needs.search_path)) add_libraries(plugin.needs, own, libraries);
  const fs::path root = common_folder(own.parent_path(), libraries);
  const fs::path folder = own.lexically_relative(root).parent_path();
  std::vector<ShipFile> out;
  out.push_back({own.lexically_relative(root), plugin.path, plugin.sha256, fs::file_size(own)});
  for (const auto& library : libraries) out.push_back(describe(library, library.lexically_relative(root)));
  for (const auto& name : with) {
    const fs::path source = given_file(name);
    const fs::path below = source.lexically_relative(own.parent_path());
    out.push_back(describe(source, folder / (*below.begin() == ".." ? source.filename() : below)));
  }
  std::sort(out.begin() + 1, out.end(), [](const ShipFile& a, const ShipFile& b) { return a.path < b.path; });
  for (std::size_t i = 1; i < out.size(); ++i)
    if (out[i].path == out[i - 1].path || out[i].path == out[0].path)
      throw Error(ErrorKind::usage, "two files to send along have the name '" + out[i].path + "'");
  return out;
}

std::string set_json(const std::vector<ShipFile>& files) {
  if (files.size() < 2) return {};
  boost::json::array list;
  for (const auto& one : files) list.push_back({{"path", one.path}, {"sha256", one.sha256}});
  return boost::json::serialize(list);
}

}  // namespace flame::client
