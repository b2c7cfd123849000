// The pure parts of the Fly backend.
#include <doctest/doctest.h>

#include <boost/json.hpp>
#include <cstdlib>

#include "backends/fly/answer.hpp"
#include "backends/fly/guest.hpp"
#include "backends/fly/identity.hpp"
#include "backends/fly/image.hpp"
#include "backends/fly/machine.hpp"
#include "backends/fly/pacing.hpp"
#include "base/error.hpp"

using namespace flame;
using namespace flame::backend::fly;
namespace json = boost::json;

namespace {
Meaning meaning_of(int status, const std::string& body) {
  return classify({status, body, "", "", {}}).meaning;
}
std::string error_body(const std::string& text) { return json::serialize(json::object{{"error", text}}); }
std::string hint_of(std::string_view guest) {
  try {
    (void)parse_guest(guest);
  } catch (const Error& error) {
    return error.hint;
  }
  return "";
}
}  // namespace

TEST_CASE("an answer of the API is known by its meaning, not by its number") {
  struct Row {
    int status;
    std::string body;
    Meaning meaning;
  };
  const Row rows[] = {
      {200, R"({"id":"1"})", Meaning::done},
      {204, "", Meaning::done},
      {200, R"({"status":"error","message":"machine is already started"})", Meaning::transient},
      {409,
       error_body("already_exists: unique machine name violation, machine ID 148e272b0d1789 already exists "
                  "with name \"x\""),
       Meaning::name_taken},
      {409,
       R"({"status":"error","message":"machine ID 1 lease currently held by a@b.c, expires at 2026","code":"invalid"})",
       Meaning::transient},
      {409, error_body("aborted: machine update failed due to concurrent update"), Meaning::transient},
      {409,
       error_body("aborted: could not reserve resource for machine: insufficient memory available to fulfill "
                  "request"),
       Meaning::host_full},
      {409, error_body("aborted: insufficient resources available to fulfill request: x"),
       Meaning::region_full},
      {409, error_body("aborted: no capacity"), Meaning::region_full},
      {412, error_body("failed_precondition: unable to start machine from current state: 'created'"),
       Meaning::transient},
      {412, error_body("failed_precondition: machine getting replaced, refusing to start"),
       Meaning::transient},
      {412, error_body("failed_precondition: machine still active, refusing to start"), Meaning::transient},
      {412,
       R"({"error":"insufficient resources to create new machine with existing volume 'v'","status":"volume_placement_capacity"})",
       Meaning::region_full},
      {422, R"({"error":"could not find a candidate host","status":"insufficient_capacity"})",
       Meaning::region_full},
      {503, R"({"error":"x","status":"insufficient_capacity"})", Meaning::region_full},
      {422, error_body("To create more than 1 machine per app please add a payment method"), Meaning::quota},
      {403,
       error_body("organization \"X\" is using 9 MB of memory in dfw which is over the allowed quota. please "
                  "consider other regions"),
       Meaning::quota},
      {401, error_body("unauthorized"), Meaning::refused},
      {403, error_body("forbidden"), Meaning::refused},
      {404, error_body("machine not found"), Meaning::not_found},
      {408,
       error_body("deadline_exceeded: machine failed to reach desired state, started, currently stopped"),
       Meaning::not_yet},
      {408, error_body("deadline_exceeded"), Meaning::ambiguous},
      {429, error_body("rate limit exceeded"), Meaning::rate_limited},
      {400, error_body("invalid config.guest.memory_mb, minimum required 512 MiB"), Meaning::invalid},
      {502, "<html>Bad Gateway</html>", Meaning::ambiguous},
      {503, error_body("unavailable: deploys to this host are temporarily disabled, because"),
       Meaning::host_full},
      {200, "<html>half a pa", Meaning::ambiguous},
      {500, "", Meaning::ambiguous},
  };
  for (const Row& row : rows) {
    INFO(row.status << " " << row.body);
    CHECK(meaning_of(row.status, row.body) == row.meaning);
  }
  const Answer taken = classify({409, rows[3].body, "", "", {}});
  CHECK(taken.holder == "148e272b0d1789");
}

TEST_CASE("an error says what the API said, with its request") {
  const Error error =
      error_from(classify({403, error_body("no\x1b[2J"), "01ABC-iad", "", {}}), "creating 'x'");
  CHECK(error.kind == ErrorKind::refused);
  CHECK(error.message == "creating 'x': the Machines API said: no\\x1b[2J (403, request 01ABC-iad)");
  CHECK_FALSE(error.hint.empty());
}

TEST_CASE("guests: legal ones, and the nearest for those that are not") {
  CHECK(parse_guest("") == Guest{"shared", 1, 256});
  CHECK(parse_guest("shared-cpu-2x") == Guest{"shared", 2, 512});
  CHECK(parse_guest("shared-2x") == Guest{"shared", 2, 512});
  CHECK(parse_guest("performance-4x") == Guest{"performance", 4, 8192});
  CHECK(parse_guest("performance-4x:16GB") == Guest{"performance", 4, 16384});
  CHECK(parse_guest("shared-cpu-1x:2048").memory_mb == 2048);
  for (const char* name : {"shared-cpu-1x", "performance-16x", "shared-cpu-8x:16384MB"})
    CHECK(parse_guest(name).name() == name);
  CHECK(hint_of("shared-cpu-3x") == "the nearest that it has is 'shared-cpu-4x'");
  CHECK(hint_of("shared-cpu-1x:4096") == "the nearest that it has is 'shared-cpu-1x:2048MB'");
  CHECK(hint_of("shared-cpu-1x:300") == "the nearest that it has is 'shared-cpu-1x:512MB'");
  CHECK(hint_of("performance-8x:8192") == "the nearest that it has is 'performance-8x'");
  CHECK(hint_of("perfomance-4x") == "the nearest that it has is 'performance-4x'");
  CHECK_FALSE(hint_of("performance-").empty());
  CHECK_FALSE(hint_of("performance-4x:lots").empty());
}

TEST_CASE("prices are those that Fly prints") {
  const double month_s = 30 * 86400;
  CHECK(price_per_second(parse_guest("shared-cpu-1x"), "iad") * month_s ==
        doctest::Approx(2.19).epsilon(0.01));
  CHECK(price_per_second(parse_guest("shared-cpu-1x:1024"), "iad") * month_s ==
        doctest::Approx(6.70).epsilon(0.01));
  CHECK(price_per_second(parse_guest("performance-2x"), "ewr") * month_s ==
        doctest::Approx(66.0).epsilon(0.01));
  CHECK(price_per_second(parse_guest(""), "xyz") >= price_per_second(parse_guest(""), "gru"));
}

TEST_CASE("a token's scheme follows its kind, whatever it was stored with") {
  CHECK(authorization_for("abc") == "Bearer abc");
  CHECK(authorization_for("fm2_x") == "FlyV1 fm2_x");
  CHECK(authorization_for("FlyV1 fm2_x,fo1_y") == "FlyV1 fm2_x,fo1_y");
  CHECK(authorization_for("Bearer FlyV1 fm1r_x\n") == "FlyV1 fm1r_x");
  CHECK(authorization_for("bearer  abc") == "Bearer abc");
  CHECK_THROWS_AS(authorization_for("a\r\nHost: b"), Error);
}

TEST_CASE("pacing: three at once, then one a second; full again after a pause") {
  std::int64_t state = 0;
  const Rate rate{1000, 3};
  CHECK(book(state, 10'000, rate) == 0);
  CHECK(book(state, 10'000, rate) == 0);
  CHECK(book(state, 10'000, rate) == 0);
  CHECK(book(state, 10'000, rate) == 1000);
  CHECK(book(state, 10'000, rate) == 2000);
  CHECK(book(state, 20'000, rate) == 0);
  CHECK(book(state, 20'000, rate) == 0);
  CHECK(book(state, 20'000, rate) == 0);
  CHECK(book(state, 20'500, rate) == 500);
  std::int64_t of_another_boot = 1'000'000'000;
  CHECK(book(of_another_boot, 0, rate) <= 300'000);
}

TEST_CASE("the newest release's image is the app's, never a runner's") {
  const auto machine = [](const char* text) { return read_machine(json::parse(text)); };
  const std::vector<FlyMachine> machines = {
      machine(
          R"({"id":"1","state":"started","image_ref":{"registry":"registry.fly.io","repository":"app","tag":"old","digest":"sha256:old"},
        "config":{"metadata":{"fly_platform_version":"v2","fly_process_group":"app","fly_release_version":"9"}}})"),
      machine(
          R"({"id":"2","state":"stopped","image_ref":{"registry":"registry.fly.io","repository":"app","digest":"sha256:new"},
        "config":{"metadata":{"fly_platform_version":"v2","fly_process_group":"app","fly_release_version":"10"}}})"),
      machine(
          R"({"id":"3","state":"started","image_ref":{"registry":"r","repository":"x","digest":"sha256:ours"},
        "config":{"metadata":{"flame_pool":"default","fly_platform_version":"v2","fly_process_group":"app","fly_release_version":"99"}}})"),
      machine(
          R"({"id":"4","state":"started","image_ref":{"registry":"r","repository":"x","digest":"sha256:job"},
        "config":{"metadata":{"fly_platform_version":"v2","fly_process_group":"fly_app_release_command","fly_release_version":"99"}}})"),
      machine(R"({"id":"5","state":"started","host_status":"unreachable"})"),
  };
  ::unsetenv("FLY_IMAGE_REF");
  CHECK(newest_app_image(machines) == "registry.fly.io/app@sha256:new");
  CHECK(image_of_a_boot("registry.fly.io/other:1", machines) == "registry.fly.io/other:1");
  CHECK(image_of_a_boot("", {machines[4]}).empty());
}

TEST_CASE("a machine as flame is told of it") {
  const FlyMachine machine = read_machine(json::parse(
      R"({"id":"d8","name":"flame-default-0","state":"started","region":"iad","private_ip":"fdaa::3",
      "created_at":"2026-01-02T03:04:05Z","image_ref":{"registry":"r","repository":"app","digest":"sha256:old"},
      "config":{"guest":{"cpu_kind":"performance","cpus":2,"memory_mb":4096},
      "files":[{"guest_path":"/run/flame-token","raw_value":"c2VjcmV0"}],
      "metadata":{"flame_pool":"default","flame_generation":"g1","flame_port":"8899"}}})"));
  const json::object object = machine_object(machine, "");
  CHECK(object.at("address").at("tcp").as_string() == "[fdaa::3]:8899");
  CHECK(object.at("address").at("token").as_string() == "secret");
  CHECK(object.at("generation").as_string() == "g1");
  CHECK(object.at("guest").as_string() == "performance-2x");
  CHECK(object.at("created_at_ms").to_number<std::int64_t>() == 1767323045000);
  CHECK(object.at("price_per_second").as_double() > 0.00002);
  CHECK(machine_object(machine, "r/app@sha256:new").at("generation").as_string() == "g1+old-image");
  CHECK(machine_object(machine, "r/app@sha256:old").at("generation").as_string() == "g1");
  CHECK_FALSE(machine_object(read_machine(json::parse("null")), "").contains("address"));
}
