// A backend's answers, as flame hears them: of a script that answers two requests with one write.
#include <doctest/doctest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <string>

#include "client/pool/backend.hpp"

using namespace flame;
using client::Backend;

namespace {

struct Script {
  explicit Script(const std::string& text) {
    char folder[] = "/tmp/flame-backend-XXXXXX";
    REQUIRE(::mkdtemp(folder) != nullptr);
    folder_ = folder;
    path = folder_ + "/script";
    std::ofstream(path) << "#!/bin/sh\n" << text;
    ::chmod(path.c_str(), 0700);
  }
  ~Script() {
    ::unlink(path.c_str());
    ::rmdir(folder_.c_str());
  }
  std::string path;

 private:
  std::string folder_;
};

}  // namespace

TEST_CASE("backend: an answer that came beside another is not slept on") {
  const Script script("read a; read b; printf '{\"id\":1,\"ok\":{}}\\n{\"id\":2,\"ok\":{}}\\n'; read end\n");
  Backend backend(script.path);
  const Deadline deadline = Deadline::in(std::chrono::minutes(10));
  const std::uint64_t first = backend.ask("list", {}, deadline);
  const std::uint64_t second = backend.ask("list", {}, deadline);
  CHECK_FALSE(backend.next_deadline().passed());
  (void)backend.wait(second);
  // Its bytes have been read: nothing will ever be readable for it.
  CHECK(backend.next_deadline().passed());
  const auto answer = backend.take();
  REQUIRE(answer);
  CHECK(answer->id == first);
  CHECK_FALSE(backend.take());
  CHECK(backend.next_deadline().unlimited());
}
