// A crash told in the caller's words: the frames that the runner sent, named from the caller's own files.
#pragma once
#include <string>
#include <vector>

#include "base/error.hpp"

namespace flame::client {

// Names the frames of error.crash and puts them into error.contexts, one line each; error.crash gets the same
// as JSON. Looks, by build id, into the plugin, the files and directories of FLAME_SYMBOLS, the file of the
// same path on this computer and the distribution's debug files. Does nothing to an error without a crash,
// and never throws: what cannot be named is shown as file and offset.
void explain_crash(Error& error, const std::string& plugin_path) noexcept;

// The text lines for the object `crash` whose frames are named; from is where its reader stands.
std::vector<std::string> crash_lines(const std::string& crash_json, const std::string& from);

}  // namespace flame::client
