#include "client/plugin/plugin_file.hpp"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <boost/json.hpp>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/hash.hpp"
#include "base/text.hpp"

namespace flame::client {
namespace {

constexpr std::uint32_t kAbi = 1;
constexpr std::size_t kPluginMaxBytes = std::size_t{1} << 30;
#if defined(__x86_64__)
constexpr Elf64_Half kOwnMachine = EM_X86_64;
#else
constexpr Elf64_Half kOwnMachine = EM_AARCH64;
#endif

std::string machine_name(Elf64_Half machine) {
  switch (machine) {
    case EM_X86_64:
      return "x86-64";
    case EM_AARCH64:
      return "arm64";
    case EM_RISCV:
      return "RISC-V";
    default:
      return "machine " + std::to_string(machine);
  }
}

Error unloadable(std::string why, std::string hint = {}) {
  return Error(ErrorKind::plugin_unloadable, std::move(why), std::move(hint));
}

// Every look into the file is checked against its size.
std::string_view part(std::string_view image, std::uint64_t offset, std::uint64_t size) {
  if (offset > image.size() || size > image.size() - offset) throw unloadable("it is truncated");
  return image.substr(offset, size);
}
template <class T>
T object_at(std::string_view image, std::uint64_t offset) {
  T value;
  std::memcpy(&value, part(image, offset, sizeof value).data(), sizeof value);
  return value;
}

std::optional<std::string_view> section(std::string_view image, const Elf64_Ehdr& head,
                                        std::string_view wanted) {
  if (head.e_shoff == 0 || head.e_shstrndx >= head.e_shnum) return std::nullopt;
  const auto header = [&](std::uint64_t i) {
    return object_at<Elf64_Shdr>(image, head.e_shoff + i * sizeof(Elf64_Shdr));
  };
  const Elf64_Shdr names = header(head.e_shstrndx);
  const std::string_view text = part(image, names.sh_offset, names.sh_size);
  for (std::uint64_t i = 0; i < head.e_shnum; ++i) {
    const Elf64_Shdr one = header(i);
    if (one.sh_name >= text.size()) throw unloadable("its section names are damaged");
    const std::string_view rest = text.substr(one.sh_name);
    if (rest.substr(0, rest.find('\0')) == wanted) return part(image, one.sh_offset, one.sh_size);
  }
  return std::nullopt;
}

std::vector<ManifestFunction> parse_manifest(std::string_view text) {
  namespace json = boost::json;
  std::vector<ManifestFunction> out;
  try {
    text = text.substr(0, text.find('\0'));
    const json::value manifest = json::parse(json::string_view(text.data(), text.size()));
    const auto needed = manifest.at("abi_needed").to_number<std::uint32_t>();
    if (needed > kAbi)
      throw Error(
          ErrorKind::abi_mismatch,
          "it needs ABI " + std::to_string(needed) + ", this flame speaks ABI " + std::to_string(kAbi),
          "install a newer flame, or build the plugin with an older SDK");
    for (const auto& item : manifest.at("functions").as_array()) {
      if (item.is_null()) continue;
      const auto word = [&](const char* key) { return json::value_to<std::string>(item.at(key)); };
      out.push_back({word("name"), word("signature"), word("flags")});
    }
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw unloadable("its manifest cannot be read: " + std::string(error.what()),
                     "build it again with the SDK");
  }
  return out;
}

void check(std::string_view image, PluginFile& file) {
  if (image.empty()) throw unloadable("it is empty");
  if (image.substr(0, SELFMAG) != ELFMAG)
    throw unloadable("it is not an ELF file", "a plugin is a shared object: gcc -shared -fPIC …");
  const auto head = object_at<Elf64_Ehdr>(image, 0);
  if (head.e_machine != kOwnMachine)
    throw unloadable("it is for " + machine_name(head.e_machine) + ", the runner is " +
                     machine_name(kOwnMachine));
  if (head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_type != ET_DYN)
    throw unloadable("it is not a 64-bit shared object");
  for (std::uint64_t i = 0; i < head.e_phnum; ++i) {
    const auto segment = object_at<Elf64_Phdr>(image, head.e_phoff + i * sizeof(Elf64_Phdr));
    if (segment.p_type == PT_LOAD) (void)part(image, segment.p_offset, segment.p_filesz);
  }
  if (const auto manifest = section(image, head, ".flame.manifest")) {
    file.functions = parse_manifest(*manifest);
  } else if (const auto names = section(image, head, ".dynstr");
             names && names->find("flame_plugin_v1") == std::string_view::npos) {
    throw unloadable("it does not export flame_plugin_v1",
                     "a plugin is made with the SDK; see flame/plugin.h");
  }
}

}  // namespace

bool ManifestFunction::streaming() const {
  return (" " + flags + " ").find(" streaming ") != std::string::npos;
}

const ManifestFunction* PluginFile::find(const std::string& function) const {
  if (!functions) return nullptr;
  std::vector<std::string> names;
  for (const auto& one : *functions) {
    if (one.name == function) return &one;
    names.push_back(one.name);
  }
  const auto near = nearest(function, names);
  throw Error(ErrorKind::unknown_function, "'" + path + "' has no function '" + function + "'",
              near ? "did you mean '" + *near + "'?" : "");
}

PluginFile read_plugin(const std::string& path) {
  PluginFile file;
  std::array<char, PATH_MAX> absolute{};
  if (::realpath(path.c_str(), absolute.data()) == nullptr) {
    const auto kind =
        errno == ENOENT || errno == ENOTDIR ? ErrorKind::plugin_missing : ErrorKind::plugin_unloadable;
    throw Error(kind, "no plugin '" + path + "': " + errno_text(errno));
  }
  file.path = absolute.data();
  try {
    const UniqueFd fd = open_file(file.path, O_RDONLY | O_NOCTTY | O_NONBLOCK);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw system_error("cannot look at it", errno);
    if (S_ISDIR(status.st_mode)) throw unloadable("it is a directory");
    if (!S_ISREG(status.st_mode)) throw unloadable("it is not a file");
    const std::string image = read_fd(fd.get(), kPluginMaxBytes);
    check(image, file);
    file.sha256 = hex(sha256(image));
  } catch (Error& error) {
    if (error.kind == ErrorKind::system) error.kind = ErrorKind::plugin_unloadable;
    error.message = "cannot use the plugin '" + path + "': " + error.message;
    throw;
  }
  return file;
}

}  // namespace flame::client
