// Where a local runner called NAME lives, in RUNTIME_DIR/local-BUILD/:
//   NAME.lock             locked by the runner for its life; holds "pid generation created_at_ms"
//   NAME.GENERATION.sock  where it listens; gone as soon as it takes no more calls
//   NAME.log              its log
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backends/kit/serve.hpp"
#include "base/fd.hpp"

namespace flame::backend::local {

struct Occupant {
  pid_t pid = 0;  // 0: not written yet
  std::string generation;
  std::uint64_t created_at_ms = 0;
};

class Place {
 public:
  Place(std::string directory, std::string name) : directory_(std::move(directory)), name_(std::move(name)) {}

  const std::string& name() const { return name_; }
  std::string lock_path() const { return file(".lock"); }
  std::string log_path() const { return file(".log"); }
  std::string socket_path(const std::string& generation) const { return file("." + generation + ".sock"); }

  // The lock, if nobody has it: then no runner of that name lives. Makes the directory.
  UniqueFd try_lock() const;
  // Who has the lock. Looks without taking it, so that a booter never sees it taken by one who only asks.
  std::optional<Occupant> occupant() const;
  void write_occupant(const UniqueFd& lock, const Occupant& occupant) const;
  // A socket that listens already, put at its path in one step. Removes those of other generations.
  UniqueFd listen_at(const std::string& generation) const;
  void remove_sockets() const;
  // Everything; with the lock in hand.
  void remove_files() const;

 private:
  std::string file(const std::string& ending) const { return directory_ + "/" + name_ + ending; }
  std::string directory_, name_;
};

std::string directory_of(const Request& request);
Place place_of(const Request& request);
// Of every name of the request's pool that was ever locked.
std::vector<Place> places_of_pool(const Request& request);

}  // namespace flame::backend::local
