// A machine's disk: the image below, never written; what the machine writes above.
#pragma once
#include <string>

namespace flame::fly {

struct Disk {
  std::string image;    // the directory below
  std::string scratch;  // not part of any disk
  std::string above;    // where writes go
  std::string target;   // where the disk is put together
};

// In a mount namespace of our own. Throws Error(system) when layers are not to be had.
void assemble_disk(const Disk& disk);

}  // namespace flame::fly
