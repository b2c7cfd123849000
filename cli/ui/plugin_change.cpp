#include "cli/ui/plugin_change.hpp"

#include <unistd.h>

#include "base/fd.hpp"
#include "base/text.hpp"

namespace flame::cli {

void tell_change(const std::string& path, client::Supply::Change change, const std::string& during,
                 const std::string& what) {
  const std::string head = "flame: '" + printable(path) + "' was ";
  if (change == client::Supply::Change::replaced)
    write_all(STDERR_FILENO,
              head + "replaced while " + during + ": " + what + " ran with the bytes it began with\n");
  if (change == client::Supply::Change::written)
    write_all(STDERR_FILENO, head + "written to in place while " + during +
                                 ": its bytes may have been mixed\n"
                                 "hint: replace plugins by a rename, as linkers and install(1) do\n");
}

}  // namespace flame::cli
