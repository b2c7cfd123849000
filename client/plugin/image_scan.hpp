// The facts of the image under a directory.
#pragma once
#include <string>

#include "client/plugin/facts.hpp"

namespace flame::client {

// Reads the libraries in the directories that the loader of that root would search. Links are followed inside
// the root only. Throws Error(system) when the root cannot be opened.
ImageFacts scan_image(const std::string& root);

// The x86-64 level of this CPU; 0 elsewhere.
std::uint32_t own_isa_level();

}  // namespace flame::client
