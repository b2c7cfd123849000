#include "router.hpp"

#include <cstdio>

#include "exchange.hpp"
#include "routes.hpp"
#include "times.hpp"

namespace flame::fly {
namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

bool matches(std::string_view pattern, const std::vector<std::string>& segments, Parameters& out) {
  std::size_t at = 0;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);  // the slash
    const std::string_view word = pattern.substr(0, pattern.find('/'));
    pattern.remove_prefix(word.size());
    if (at == segments.size()) return false;
    if (word.starts_with('{'))
      out[std::string(word.substr(1, word.size() - 2))] = segments[at];
    else if (word != segments[at])
      return false;
    ++at;
  }
  return at == segments.size();
}

const Route* find_route(const Request& request, Parameters& parameters, bool& known_path) {
  for (const Route& route : routes()) {
    Parameters found;
    if (!matches(route.pattern, request.segments, found)) continue;
    known_path = true;
    if (route.method != request.method) continue;
    parameters = std::move(found);
    return &route;
  }
  return nullptr;
}

bool may(const Token& token, Access access) {
  if (token.kind == TokenKind::readonly) return access == Access::read;
  if (token.kind == TokenKind::exec) return access == Access::exec || access == Access::read;
  return true;
}

void check_token(Exchange& x, const Route& route) {
  if (route.access == Access::open) return;
  const Token* token = x.world.tokens.find(x.request.header("authorization"), unix_ms());
  if (token == nullptr || x.strike("unauthorized") != nullptr) throw api_error(401, "unauthorized");
  x.token = *token;
  x.entry.token = token->fingerprint();
  if (const auto name = x.parameters.find("app"); name != x.parameters.end()) {
    x.app = x.world.find_app(name->second);
    if (x.app == nullptr) throw app_not_found();
    if (!token->opens(x.app->org, x.app->name))
      throw api_error(403, "unauthorized: not allowed to access app " + x.app->name);
  }
  if (!may(*token, route.access))
    throw api_error(403, "unauthorized: token may not " + std::string(route.action));
}

// The identifier is the machine where the path has one, else the app, else the organisation.
void check_limit(Exchange& x, const Route& route) {
  if (route.access == Access::open) return;
  if (x.strike("rate") != nullptr) throw rate_limited();
  if (x.world.settings.limits == 0) return;
  const auto named = [&](std::string_view name) {
    const auto found = x.parameters.find(name);
    return found == x.parameters.end() ? std::string() : found->second;
  };
  std::string identifier = named("id");
  if (identifier.empty()) identifier = named("app");
  if (identifier.empty()) identifier = x.token->org;
  const Rate rate = route.action == "get"          ? kGetMachineRate
                    : route.action == "delete_app" ? kDeleteAppRate
                                                   : kCommonRate;
  if (!x.world.limits.admit(route.action, route.action == "delete_app" ? x.token->org : identifier, rate,
                            Clock::now()))
    throw rate_limited();
}

void find_machine(Exchange& x) {
  const auto id = x.parameters.find("id");
  if (id == x.parameters.end()) return;
  x.machine = x.world.find_machine(x.app->name, id->second);
  if (!x.machine) throw machine_not_found();
}

// Faults that strike before anything is done. True: answered.
bool struck(Exchange& x, const Route& route) {
  if (route.access == Access::open) return false;
  if (const Fault* fault = x.strike("html"); fault != nullptr) {
    const unsigned status = fault->status == 0 ? 502 : fault->status;
    x.reply_text(status, "text/html",
                 "<html><head><title>" + std::to_string(status) +
                     "</title></head><body><h1>Bad Gateway</h1></body></html>\n");
    return true;
  }
  if (const Fault* fault = x.strike("answer"); fault != nullptr)
    throw api_error(fault->status == 0 ? 500 : fault->status, fault->text, fault->code);
  if (const Fault* fault = x.strike("empty"); fault != nullptr) {
    x.reply_empty(fault->status == 0 ? 500 : fault->status);
    return true;
  }
  return false;
}

void serve(Exchange& x, const Route& route) {
  check_token(x, route);
  check_limit(x, route);
  find_machine(x);
  if (!struck(x, route)) route.handler(x);
}

}  // namespace

void handle_request(World& world, Request request, Answer answer) {
  const auto x = std::make_shared<Exchange>(world, std::move(request), std::move(answer));
  bool known_path = false;
  const Route* route = find_route(x->request, x->parameters, known_path);
  x->action = route != nullptr ? std::string(route->action) : "unknown";
  try {
    if (route == nullptr && known_path) throw api_error(405, "method not allowed");
    if (route == nullptr) return x->reply_text(404, "text/plain", "404 page not found\n");
    serve(*x, *route);
  } catch (const ApiError& error) {
    x->fail(error);
  } catch (const std::exception& failed) {  // a fault of ours: told, and the emulator lives on
    std::fprintf(stderr, "flame-fly-emulator: %s\n", failed.what());
    x->fail(api_error(500, "unknown: " + std::string(failed.what()), "unknown"));
  }
}

}  // namespace flame::fly
