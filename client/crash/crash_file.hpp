// A crash, kept so that it can be replayed: one file, first a line of JSON, then the bytes that the call was
// given (flame-replay(1) specifies it).
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "base/fd.hpp"
#include "client/call.hpp"

namespace flame::client {

// A file without a name, in this directory.
UniqueFd scratch_file(const std::string& directory);

// Keeps what a call reads, while it reads it.
class CrashKeeper {
 public:
  // Makes the directory if it is not there. Every source of the call is recorded from now on; the call must
  // outlive this. Throws Error(system).
  CrashKeeper(std::string directory, const Invocation& call);
  // Of a worker that died while it ran the call.
  static bool is_kept(const Error& error);
  // Writes the file; gives its path. facts: what is known of the image, JSON or empty; hello: the runner's.
  std::string keep(const Error& error, const std::vector<std::string>& with, const std::string& hello,
                   const std::string& facts) const;

 private:
  void record(InputSource* source);
  const Invocation& call_;
  std::string directory_;
  std::vector<std::pair<InputSource*, UniqueFd>> records_;  // arguments in their order, then the input
};

struct CrashFile {
  std::string plugin, sha256, files, function;  // sha256 empty: not known. files: as Supply::files_json
  std::vector<std::string> with, environment;   // environment: names
  std::deque<InputSource> sources;              // the call's point into it
  std::vector<CallArgument> arguments;
  InputSource* input = nullptr;
  bool whole = true;  // all that the sources had was read before the crash
  std::string reason;

  // Throws Error(config) that says what is wrong with the file.
  static CrashFile read(const std::string& path);
};

}  // namespace flame::client
