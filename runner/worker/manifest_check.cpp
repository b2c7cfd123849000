#include "runner/worker/manifest_check.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <boost/json/parse.hpp>
#include <cstring>

#include "base/fd.hpp"
#include "base/plain_why.hpp"
#include "base/text.hpp"

namespace flame::worker {
namespace {

namespace json = boost::json;

std::string quoted(std::string_view text) { return "'" + printable(text) + "'"; }

// "" when both say the same.
std::string unequal(const std::string& what, const json::value& manifest, const char* key,
                    std::string_view table) {
  const auto* member = manifest.as_object().if_contains(key);
  const std::string_view said =
      member != nullptr && member->is_string() ? std::string_view(member->get_string()) : "";
  if (said == table) return {};
  return "the manifest says " + what + " " + quoted(said) + ", the table " + quoted(table);
}

std::string unequal_function(const json::value& said, const flame_function& row) {
  std::string found = unequal("function", said, "name", row.name);
  const std::string of = "of '" + printable(row.name) + "'";
  if (found.empty()) found = unequal("the signature " + of, said, "signature", row.signature);
  if (found.empty()) found = unequal("the flags " + of, said, "flags", row.flags);
  if (found.empty()) found = unequal("the guest " + of, said, "guest", row.guest);
  return found;
}

std::string compare(const json::value& manifest, const flame_plugin& table) {
  std::string found = unequal("the name", manifest, "name", table.name);
  if (found.empty()) found = unequal("the version", manifest, "version", table.version);
  if (!found.empty()) return found;
  const auto needed = manifest.at("abi_needed").to_number<std::uint32_t>();
  if (needed != table.abi_needed)
    return "the manifest needs ABI " + std::to_string(needed) + ", the table ABI " +
           std::to_string(table.abi_needed);
  json::array functions = manifest.at("functions").as_array();
  if (!functions.empty() && functions.back().is_null()) functions.pop_back();  // C's list ends so
  if (functions.size() != table.function_count)
    return "the manifest has " + std::to_string(functions.size()) + " functions, the table " +
           std::to_string(table.function_count);
  const char* row = reinterpret_cast<const char*>(table.functions);
  for (std::size_t i = 0; i < functions.size() && found.empty(); ++i, row += table.function_size)
    found = unequal_function(functions[i], *reinterpret_cast<const flame_function*>(row));
  return found;
}

class Mapping {
 public:
  explicit Mapping(const std::string& file) {
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0 || status.st_size <= 0) return;
    const auto size = static_cast<std::size_t>(status.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (memory != MAP_FAILED) image_ = {static_cast<const char*>(memory), size};
  }
  ~Mapping() {
    if (!image_.empty()) ::munmap(const_cast<char*>(image_.data()), image_.size());
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::string_view image() const { return image_; }

 private:
  std::string_view image_;
};

template <class T>
std::optional<T> object_at(std::string_view image, std::uint64_t offset) {
  T value;
  if (offset > image.size() || image.size() - offset < sizeof value) return std::nullopt;
  std::memcpy(&value, image.data() + offset, sizeof value);
  return value;
}
std::string_view part(std::string_view image, const Elf64_Shdr& section) {
  if (section.sh_offset > image.size() || section.sh_size > image.size() - section.sh_offset) return {};
  return image.substr(section.sh_offset, section.sh_size);
}

}  // namespace

std::optional<std::string_view> manifest_section(std::string_view image) {
  const auto head = object_at<Elf64_Ehdr>(image, 0);
  if (!head || std::memcmp(head->e_ident, ELFMAG, SELFMAG) != 0) return std::nullopt;
  const auto section = [&](std::size_t i) {
    return object_at<Elf64_Shdr>(image, head->e_shoff + i * sizeof(Elf64_Shdr));
  };
  const auto names = section(head->e_shstrndx);
  if (!names) return std::nullopt;
  const std::string_view text = part(image, *names);
  constexpr std::string_view wanted(".flame.manifest\0", 16);
  for (std::size_t i = 0; i < head->e_shnum; ++i) {
    const auto one = section(i);
    if (one && one->sh_name < text.size() && text.substr(one->sh_name, wanted.size()) == wanted)
      return part(image, *one);
  }
  return std::nullopt;
}

std::optional<std::string> manifest_difference(std::string_view manifest, const flame_plugin& table) {
  try {
    manifest = manifest.substr(0, manifest.find('\0'));
    const std::string found =
        compare(json::parse(json::string_view(manifest.data(), manifest.size())), table);
    if (found.empty()) return std::nullopt;
    return found;
  } catch (const std::exception& why) {
    return "the manifest cannot be read: " + plain_why(why);
  }
}

std::optional<std::string> manifest_difference(const std::string& file, const flame_plugin& table) {
  const Mapping mapping(file);
  const auto manifest = manifest_section(mapping.image());
  return manifest ? manifest_difference(*manifest, table) : std::nullopt;
}

}  // namespace flame::worker
