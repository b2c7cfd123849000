#include "backends/fly/answer.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <string_view>

#include "backends/fly/members.hpp"
#include "base/text.hpp"

namespace flame::backend::fly {
namespace {

namespace json = boost::json;

struct Phrase {
  std::string_view text;
  Meaning meaning;
};
// The first that the answer's code or text holds decides; only for answers that are not 2xx.
constexpr std::array kPhrases = std::to_array<Phrase>({
    {"unique machine name violation", Meaning::name_taken},
    {"lease currently held", Meaning::transient},
    {"rate limit", Meaning::rate_limited},
    {"over the allowed quota", Meaning::quota},
    {"payment method", Meaning::quota},
    {"insufficient_capacity", Meaning::region_full},
    {"volume_placement_capacity", Meaning::region_full},
    {"could not find a candidate host", Meaning::region_full},
    {"insufficient resources available", Meaning::region_full},
    {"insufficient resources to create", Meaning::region_full},
    {"no capacity", Meaning::region_full},
    {"could not reserve resource", Meaning::host_full},
    {"temporarily disabled", Meaning::host_full},
    {"failed to reach desired state", Meaning::not_yet},
    {"current state", Meaning::transient},
    {"still active", Meaning::transient},
    {"still attempting", Meaning::transient},
    {"getting replaced", Meaning::transient},
    {"concurrent update", Meaning::transient},
    {"not currently stopped", Meaning::transient},
});

Meaning by_status(int status) {
  switch (status) {
    case 401:
    case 403:
      return Meaning::refused;
    case 404:
    case 410:
      return Meaning::not_found;
    case 408:
      return Meaning::ambiguous;
    case 409:
    case 412:
    case 423:
      return Meaning::transient;
    case 429:
      return Meaning::rate_limited;
    default:
      return status >= 500 || status < 400 ? Meaning::ambiguous : Meaning::invalid;
  }
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  return out;
}

// The id in "… machine ID 148e272b0d1789 already exists with name …".
std::string holder_in(std::string_view text) {
  constexpr std::string_view before = "machine ID ";
  const std::size_t at = text.find(before);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = text.substr(at + before.size());
  return std::string(rest.substr(0, rest.find_first_not_of("0123456789abcdef")));
}

std::string first_line(std::string_view body) {
  constexpr std::size_t shown = 200;
  const std::size_t from = body.find_first_not_of(" \r\n\t");
  if (from == std::string_view::npos) return "nothing";
  const std::string_view line = body.substr(from, body.find('\n', from) - from);
  return printable(line.substr(0, shown));
}

}  // namespace

Answer classify(const HttpReply& reply) {
  Answer out;
  out.status = reply.status;
  out.request_id = reply.request_id;
  out.next_cursor = reply.next_cursor;
  out.retry_after_ms = reply.retry_after_ms;
  boost::system::error_code why;
  out.body = json::parse(reply.body, why);
  const bool good = reply.status >= 200 && reply.status < 300;
  if (why) {
    out.body = nullptr;
    // A write without a body has happened all the same; what should be JSON and is not may be a proxy's page.
    out.meaning = good && reply.body.empty() ? Meaning::done
                  : good                     ? Meaning::ambiguous
                                             : by_status(reply.status);
    out.text = first_line(reply.body);
    return out;
  }
  const std::string code = text(out.body, "status");
  out.text = text(out.body, "message");
  if (out.text.empty()) out.text = text(out.body, "error");
  if (good && code != "error") return out;
  if (out.text.empty()) out.text = first_line(reply.body);
  const std::string all = lower(code + "\n" + out.text);
  const auto phrase = std::find_if(kPhrases.begin(), kPhrases.end(),
                                   [&](const Phrase& one) { return all.find(one.text) != all.npos; });
  out.meaning = phrase != kPhrases.end() ? phrase->meaning
                : good                   ? Meaning::transient
                                         : by_status(reply.status);
  if (out.meaning == Meaning::name_taken) out.holder = holder_in(out.text);
  return out;
}

Error error_from(const Answer& answer, const std::string& doing) {
  ErrorKind kind = ErrorKind::unreachable;
  std::string hint;
  switch (answer.meaning) {
    case Meaning::refused:
      kind = ErrorKind::refused;
      hint =
          "is the token right for this app? 'fly tokens create deploy' makes one; export it as FLY_API_TOKEN";
      break;
    case Meaning::quota:
      kind = ErrorKind::limit;
      hint = "the organization's own limit: see its billing page, or choose other regions or a smaller guest";
      break;
    case Meaning::region_full:
    case Meaning::host_full:
      kind = ErrorKind::capacity;
      hint = "name more regions (regions = [...]) or fallback_guests in flame.toml";
      break;
    case Meaning::invalid:
      kind = ErrorKind::config;
      break;
    case Meaning::rate_limited:
      hint = "other programs use this app's API limits too; try again later";
      break;
    default:
      break;
  }
  Error error(kind,
              doing + ": the Machines API said: " + printable(answer.text) + " (" +
                  std::to_string(answer.status) +
                  (answer.request_id.empty() ? "" : ", request " + printable(answer.request_id)) + ")",
              hint);
  error.retry_after_ms = answer.retry_after_ms;
  return answer.late ? until_the_deadline(error) : error;
}

Error until_the_deadline(Error words) {
  words.kind = ErrorKind::timed_out;
  words.message += ", until the deadline passed";
  return words;
}

}  // namespace flame::backend::fly
