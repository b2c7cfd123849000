// The pure parts of the runner's listening side.
#include <doctest/doctest.h>

#include "base/text.hpp"
#include "runner/http.hpp"
#include "runner/http_run.hpp"
#include "runner/kernel_memory.hpp"
#include "runner/log.hpp"
#include "runner/options.hpp"
#include "wire/proof.hpp"

using namespace flame;
using namespace flame::runner;

TEST_CASE("proofs: both sides, both nonces and the token count") {
  const wire::Nonces nonces{std::string(32, 'c'), std::string(32, 'r')};
  const std::string runner = wire::runner_proof("a token of length", nonces);
  CHECK(runner.size() == 64);
  CHECK(runner != wire::client_proof("a token of length", nonces));
  CHECK(runner != wire::runner_proof("a token of lengtH", nonces));
  CHECK(runner != wire::runner_proof("a token of length", {nonces.client, std::string(32, 'x')}));
  CHECK(runner != wire::runner_proof("a token of length", {std::string(32, 'x'), nonces.runner}));
  // python3: hmac.new(b"a token of length", b"flame-runner" + b"c"*32 + b"r"*32, "sha256").hexdigest()
  CHECK(runner == "a8fa7b23fb021fe322f475e64a6afb3fdf88d3f4dac2fb1a384b8d6bd1388633");
  CHECK(wire::client_proof("a token of length", nonces) ==
        "386e022d572f02e4ea9951b884a8790e1935942742e1e494d433214196d71d8e");
}

TEST_CASE("what the kernel says of memory") {
  CHECK(starvations_in("pgscan 1\noom_kill 7\nx 3\n") == 7);
  CHECK(starvations_in("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n") == 2);
  CHECK(starvations_in("oom 4\noom_kill 0\noom_group_kill 3\n") == 0);
  CHECK(starvations_in("pgscan 1\nnot_oom_kill 7\n") == std::nullopt);
  CHECK(starvations_in("") == std::nullopt);
  CHECK(memory_limit_in("268435456\n") == 268435456);
  CHECK_FALSE(memory_limit_in("max\n"));
  CHECK_FALSE(memory_limit_in(""));
  CHECK(usable_memory_bytes() > 0);
}

TEST_CASE("nonces and tokens") {
  CHECK(wire::read_nonce(hex(wire::make_nonce())).has_value());
  CHECK_FALSE(wire::read_nonce(std::string(62, 'a')).has_value());
  CHECK_FALSE(wire::read_nonce(std::string(66, 'a')).has_value());
  CHECK_FALSE(wire::read_nonce(std::string(64, 'g')).has_value());
  CHECK(wire::checked_token("0123456789abcdef\n", "x") == "0123456789abcdef");
  CHECK(wire::checked_token(std::string(wire::kTokenMaxBytes, 'a'), "x").size() == wire::kTokenMaxBytes);
  for (const std::string& bad : {std::string("0123456789abcde"), std::string(wire::kTokenMaxBytes + 1, 'a'),
                                 std::string("0123456789 abcdef"), std::string("0123456789abcde\xc3\xa4")}) {
    try {
      (void)wire::checked_token(bad, "'/some/file'");
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.message.find("/some/file") != std::string::npos);
      CHECK(error.message.find(bad) == std::string::npos);
    }
  }
}

TEST_CASE("the table of HTTP resources") {
  const auto find = [](const char* method, const char* path) {
    HttpRequest request;
    request.method = method;
    request.path = path;
    return find_route(request);
  };
  CHECK(find("GET", "/healthz").route->access == Route::Access::anyone);
  CHECK(find("HEAD", "/healthz").route != nullptr);
  CHECK(find("GET", "/metrics").route->access == Route::Access::trusted);
  CHECK(find("POST", "/v1/run").route->body_max_bytes == wire::kHttpBodyMaxBytes);
  CHECK(find("GET", "/v1/run").route == nullptr);
  CHECK(find("GET", "/v1/run").allow == "POST");
  CHECK(find("DELETE", "/v1/info").allow == "GET, HEAD");
  for (const char* nothing : {"/", "/v1", "/v1/run/", "/healthz/x", "/v1/runs"}) {
    CHECK(find("GET", nothing).route == nullptr);
    CHECK(find("GET", nothing).allow == "");
  }
  int open = 0;  // whoever adds one that anyone may ask for says so here
  for (const Route& route : routes()) open += route.access == Route::Access::anyone ? 1 : 0;
  CHECK(open == 1);
}

TEST_CASE("errors become statuses and problem documents") {
  Error busy(ErrorKind::busy, "full");
  const HttpResponse response = problem(busy);
  CHECK(response.status == 503);
  CHECK(response.type == "application/problem+json");
  CHECK(response.body.starts_with("{\"status\":503,\"kind\":\"busy\""));
  CHECK(response.fields.at(0).first == "Retry-After");
  CHECK(status_of(ErrorKind::timed_out) == 504);
  CHECK(status_of(ErrorKind::crashed) == 500);
  CHECK(status_of(ErrorKind::limit) == 413);
  CHECK(problem_json("not JSON").status == 500);
  CHECK(problem_json("[]").status == 500);
}

TEST_CASE("raw members keep every digit") {
  const std::string text =
      R"({"a":1,"args" : [0.1000000000000000055511151231257827, "]}\"", {"args":[2]}] ,"b":"args"})";
  CHECK(raw_member(text, "args") == R"([0.1000000000000000055511151231257827, "]}\"", {"args":[2]}])");
  CHECK(raw_member(text, "b") == "\"args\"");
  CHECK(raw_member(text, "c") == "");
  CHECK(raw_member("{}", "a") == "");
  CHECK(raw_member(R"({"a":[1],"a":[2]})", "a") == "[2]");
}

TEST_CASE("log lines") {
  CHECK(log_line(0, LogLevel::info, "listening",
                 {{"tcp", "127.0.0.1:1"}, {"links", std::uint64_t{3}}, {"x", true}}) ==
        "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"level\":\"info\",\"event\":\"listening\",\"tcp\":\"127.0.0.1:"
        "1\","
        "\"links\":3,\"x\":true}\n");
  const std::string line = log_line(1785542400123, LogLevel::warning, "e", {{"why", "a\"\n\x1b[2J\xff"}});
  CHECK(line.starts_with("{\"ts\":\"2026-08-01T00:00:00.123Z\""));
  CHECK(line.find('\x1b') == std::string::npos);
  CHECK(line.find('\xff') == std::string::npos);
  CHECK(line.find('\n') == line.size() - 1);
  CHECK(log_level_from_name("warning") == LogLevel::warning);
  CHECK_FALSE(log_level_from_name("loud").has_value());
}

TEST_CASE("options: values, flags, and what is near to a wrong one") {
  const auto parse = [](std::vector<const char*> words) {
    words.insert(words.begin(), "flame-runner");
    return parse_options(static_cast<int>(words.size()), const_cast<char**>(words.data()));
  };
  const auto said = [&](std::vector<const char*> words) {
    try {
      (void)parse(std::move(words));
    } catch (const Error& error) {
      return error.message + " | " + error.hint;
    }
    return std::string();
  };
  const Options options = parse({"--listen", "127.0.0.1:0", "--listen=[::1]:0", "--slots", "3", "--worker",
                                 "/w", "--exit-with-clients", "--log-level", "debug"});
  CHECK(options.listen.size() == 2);
  CHECK(options.slots == 3);
  CHECK(options.exit_with_clients);
  CHECK(options.log_level == LogLevel::debug);
  CHECK(said({"--slotz", "3"}).find("--slots") != std::string::npos);
  CHECK(said({"--slots"}).find("wants a value") != std::string::npos);
  for (const char* bad : {"-1", "", "3x", "99999999999999999999"})
    CHECK(said({"--slots", bad}).find("whole number") != std::string::npos);
  CHECK(said({"--exit-with-clients=1"}).find("takes no value") != std::string::npos);
  CHECK(said({"--sandbox", "tight"}).find("strict") != std::string::npos);
  CHECK(said({"serve"}).find("no option") != std::string::npos);
  CHECK(said({}).find("--listen") != std::string::npos);
}
