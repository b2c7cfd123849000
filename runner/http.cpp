#include "runner/http.hpp"

#include <boost/json/parse.hpp>

#include "runner/http_plugins.hpp"
#include "runner/http_run.hpp"
#include "runner/metrics.hpp"
#include "runner/worker/channel.hpp"

namespace flame::runner {
namespace json = boost::json;
namespace {

void healthz(Runner& runner, const ExchangePtr& exchange) {
  const bool draining = runner.lifetime.draining();
  exchange->answer({draining ? 503U : 200U, draining ? "draining\n" : "ok\n", "text/plain"});
}

void info(Runner& runner, const ExchangePtr& exchange) { exchange->answer({200, info_json(runner) + "\n"}); }

void metrics(Runner& runner, const ExchangePtr& exchange) {
  exchange->answer({200, metrics_text(runner), "text/plain; version=0.0.4"});
}

void drain(Runner& runner, const ExchangePtr& exchange) {
  exchange->answer({202, "{\"draining\":true}\n"});
  runner.lifetime.drain("http");
}

constexpr Route kRoutes[] = {
    {"GET", "/healthz", Route::Access::anyone, 0, healthz},
    {"GET", "/v1/info", Route::Access::trusted, 0, info},
    {"GET", "/metrics", Route::Access::trusted, 0, metrics},
    {"POST", "/v1/drain", Route::Access::trusted, 0, drain},
    {"POST", "/v1/run", Route::Access::trusted, wire::kHttpBodyMaxBytes, run_by_post},
    {"GET", "/v1/plugins/*", Route::Access::trusted, 0, plugin_facts},
    {"PUT", "/v1/plugins/*", Route::Access::trusted, wire::kPluginMaxBytes, nullptr, open_plugin_body},
};

// What a '*' stands for, or nothing when the path is another.
std::optional<std::string> match(std::string_view pattern, std::string_view path) {
  if (!pattern.ends_with('*')) return pattern == path ? std::optional<std::string>("") : std::nullopt;
  pattern.remove_suffix(1);
  if (!path.starts_with(pattern)) return std::nullopt;
  const std::string_view rest = path.substr(pattern.size());
  if (rest.empty() || rest.find('/') != std::string_view::npos) return std::nullopt;
  return std::string(rest);
}

}  // namespace

std::span<const Route> routes() { return kRoutes; }

Found find_route(HttpRequest& request) {
  Found found;
  for (const Route& route : routes()) {
    auto rest = match(route.path, request.path);
    if (!rest) continue;
    if (route.method == request.method || (route.method == "GET" && request.method == "HEAD")) {
      request.rest = std::move(*rest);
      return {&route, ""};
    }
    found.allow += (found.allow.empty() ? "" : ", ") + std::string(route.method);
    if (route.method == "GET") found.allow += ", HEAD";
  }
  return found;
}

unsigned status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::bad_arguments:
    case ErrorKind::usage:
    case ErrorKind::protocol:
      return 400;
    case ErrorKind::refused:
      return 401;
    case ErrorKind::plugin_missing:
    case ErrorKind::unknown_function:
      return 404;
    case ErrorKind::plugin_unloadable:
    case ErrorKind::abi_mismatch:
      return 409;
    case ErrorKind::limit:
      return 413;
    case ErrorKind::busy:
    case ErrorKind::draining:
      return 503;
    case ErrorKind::timed_out:
      return 504;
    default:
      return 500;
  }
}

HttpResponse problem_json(std::string_view error_json) {
  boost::system::error_code why;
  const json::value value = json::parse(json::string_view(error_json.data(), error_json.size()), why);
  const json::object* error = why ? nullptr : value.if_object();
  const json::value* name = error != nullptr ? error->if_contains("kind") : nullptr;
  ErrorKind kind = ErrorKind::internal;
  if (name != nullptr && name->is_string())
    kind = error_kind_from_name(std::string(name->get_string())).value_or(kind);
  HttpResponse out{status_of(kind), "", "application/problem+json"};
  if (error == nullptr) error_json = R"({"kind":"internal","fate":"unknown","message":"no readable error"})";
  out.body = "{\"status\":" + std::to_string(out.status) + "," + std::string(error_json.substr(1)) + "\n";
  if (out.status == 503) out.fields.emplace_back("Retry-After", "1");
  if (out.status == 401) out.fields.emplace_back("WWW-Authenticate", "Bearer");
  return out;
}

HttpResponse problem(const Error& error) { return problem_json(worker::error_json(error)); }

}  // namespace flame::runner
