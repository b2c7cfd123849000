// A call that died of memory goes to the next greater guest of oom_ladder, and the next call of its function
// begins there.
#pragma once
#include <string>

#include "client/pool/settings.hpp"

namespace flame::client {

class Ladder {
 public:
  // Begins where this function was last. plugin: a path; its file's name is remembered, so that a new build
  // is known too.
  Ladder(const PoolSettings& pool, const std::string& plugin, const std::string& function);

  const PoolSettings& settings() const { return settings_; }
  // To the next guest, which is remembered; false: there is none.
  bool climb();

 private:
  void stand_on(const std::string& guest);

  PoolSettings pool_, settings_;
  std::string key_;
};

}  // namespace flame::client
