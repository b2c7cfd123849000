// The extension flame.files/1, and the place that a plugin is loaded from.
#pragma once
#include <sys/stat.h>

#include <string>

#include "flame/files.h"

namespace flame::worker {

// Chooses between a plugin's path, which $ORIGIN needs, and the descriptor whose bytes were checked: the path
// as long as it leads to that very file.
class PluginPlace {
 public:
  explicit PluginPlace(const std::string& path);
  const std::string& to_load() const { return to_load_; }
  // Whether what was loaded is what had been checked; asked after loading.
  bool unchanged() const;

 private:
  std::string path_, to_load_;
};

const flame_files& files_extension();

}  // namespace flame::worker
