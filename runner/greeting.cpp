#include "runner/greeting.hpp"

#include "base/hash.hpp"
#include "base/text.hpp"
#include "runner/json_body.hpp"
#include "wire/resumption.hpp"

namespace flame::runner {
namespace json = boost::json;

Greeting::Greeting(const Runner& runner, std::optional<wire::Nonces> nonces, std::string session_id)
    : runner_(runner), nonces_(std::move(nonces)) {
  if (nonces_ && runner.options.link_grace_ms > 0 && wire::is_session_id(session_id))
    session_id_ = std::move(session_id);
}

std::string Greeting::hello() const {
  std::string body = "{" + runner_.hello_members();
  if (nonces_)
    body += ",\"nonce\":\"" + hex(nonces_->runner) + "\",\"proof\":\"" +
            wire::runner_proof(runner_.token, *nonces_) + "\"";
  return body + "}";
}

Greeting::Auth Greeting::take_auth(const wire::Frame& frame) const {
  const Error no(ErrorKind::refused, "the client did not prove that it holds the token");
  if (frame.type != wire::FrameType::auth) throw no;
  const json::object request = read_object(frame.body, "an auth");
  const json::value* proof = request.if_contains("proof");
  if (proof == nullptr || !proof->is_string()) throw no;
  const std::string_view given(proof->get_string().data(), proof->get_string().size());
  if (!equal_constant_time(given, wire::client_proof(runner_.token, *nonces_))) throw no;
  const json::value* received = request.if_contains("received");
  if (received == nullptr) return {};
  if (!received->is_int64() || received->get_int64() < 0)
    throw Error(ErrorKind::protocol, "an auth whose 'received' is no count of bytes");
  return {static_cast<std::uint64_t>(received->get_int64())};
}

}  // namespace flame::runner
