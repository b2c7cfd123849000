#include "http.hpp"

#include "base/text.hpp"

namespace flame::fly {
namespace {

std::string decoded(std::string_view text, bool plus_is_space) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = text[i] == '%' && i + 2 < text.size() ? from_hex(text.substr(i + 1, 2)) : std::nullopt;
    if (byte) {
      out += *byte;
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

// The part before the separator; text keeps what follows it.
std::string_view cut_front(std::string_view& text, char separator) {
  const auto at = text.find(separator);
  const std::string_view front = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return front;
}

}  // namespace

void split_target(Request& request) {
  std::string_view rest = request.target;
  std::string_view path = cut_front(rest, '?');
  request.path = path;
  while (!path.empty())
    if (const auto segment = cut_front(path, '/'); !segment.empty())
      request.segments.push_back(decoded(segment, false));
  while (!rest.empty()) {
    std::string_view pair = cut_front(rest, '&');
    const std::string_view name = cut_front(pair, '=');
    if (!name.empty()) request.query.emplace_back(decoded(name, true), decoded(pair, true));
  }
}

std::string Request::header(std::string_view name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string() : found->second;
}

std::optional<std::string> Request::parameter(std::string_view name) const {
  for (const auto& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string> Request::parameters(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : query)
    if (key == name) out.push_back(value);
  return out;
}

}  // namespace flame::fly
