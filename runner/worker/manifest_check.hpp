// Does a plugin's manifest, which a client chose by, say the same as its table, which a worker calls by?
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "flame/plugin.h"

namespace flame::worker {

// The bytes of the section .flame.manifest of an ELF image; nullopt when there is none, or no such ELF image.
std::optional<std::string_view> manifest_section(std::string_view image);

// The first difference, in words; nullopt when they agree. Docs may differ: nobody calls by them.
std::optional<std::string> manifest_difference(std::string_view manifest, const flame_plugin& table);

// As above for the file that was loaded; a file that cannot be read is not compared.
std::optional<std::string> manifest_difference(const std::string& file, const flame_plugin& table);

}  // namespace flame::worker
