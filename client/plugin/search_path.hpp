// RPATH and RUNPATH: where a file's own libraries lie.
#pragma once
#include <optional>
#include <string>

namespace flame::client {

// The first directory of the search path that holds the library and belongs to the file ($ORIGIN), for only
// those travel with it: its real path. nullopt when there is none.
std::optional<std::string> find_beside(const std::string& file, const std::string& search_path,
                                       const std::string& library);

}  // namespace flame::client
