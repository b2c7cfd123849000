#include "runner/http_run.hpp"

#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>

#include "base/text.hpp"
#include "runner/bind_request.hpp"
#include "wire/limits.hpp"

namespace flame::runner {
namespace json = boost::json;
using wire::Frame;
using wire::FrameType;

namespace {

// Gathers the one answer of a POST.
class PostedCall final : public CallSink {
 public:
  PostedCall(Runner& runner, ExchangePtr exchange, std::weak_ptr<Call> call)
      : runner_(runner), exchange_(std::move(exchange)), call_(std::move(call)) {}

  bool frame(Call& call, const Frame& frame) override {
    if (frame.type == FrameType::output) output_ += frame.body;
    if (frame.type == FrameType::log) add_log(frame.body);
    if (frame.type == FrameType::result || frame.type == FrameType::error) text_ += frame.body;
    if (ends_call(frame)) {
      runner_.count_end(call, frame);
      exchange_->answer(with_logs(frame.type == FrameType::error ? problem_json(text_) : result(frame)));
    } else if (output_.size() + text_.size() > wire::kHttpResultMaxBytes) {
      give_up(call);
    }
    return true;
  }

 private:
  // Whole lines, as many as a person reads.
  void add_log(std::string_view line) {
    if (logs_cut_ || logs_.size() + line.size() >= wire::kJsonBodyMaxBytes) {
      logs_cut_ = true;
      return;
    }
    logs_.append(logs_.empty() ? "" : ",").append(line);
  }

  // Both answers are JSON objects, ended by "}\n".
  HttpResponse with_logs(HttpResponse answer) const {
    if (logs_.empty() && !logs_cut_) return answer;
    answer.body.resize(answer.body.rfind('}'));
    answer.body += ",\"logs\":[" + logs_ + (logs_cut_ ? "],\"logs_cut\":true}\n" : "]}\n");
    return answer;
  }

  HttpResponse result(const Frame& last) const {
    std::string body = "{\"result\":";
    if (last.has(wire::flag::bytes))
      body += "\"" + base64(text_) + "\",\"encoding\":\"base64\"";
    else
      body += last.has(wire::flag::none) ? "null" : text_;
    if (!output_.empty()) body += ",\"output\":\"" + base64(output_) + "\"";
    return {200, body + "}\n"};
  }

  void give_up(Call& call) {
    call.sink = nullptr;
    ++runner_.counters.abandoned;
    // Not from inside the scheduler, which is telling us of a frame.
    boost::asio::post(runner_.loop, [&runner = runner_, kept = call_.lock()] {
      if (kept) runner.scheduler.cancel(kept);
    });
    exchange_->answer(problem(Error(ErrorKind::limit,
                                    "a result of more than " + std::to_string(wire::kHttpResultMaxBytes) +
                                        " bytes, which is the limit of POST /v1/run",
                                    "use flame run, which streams it")
                                  .with_fate(Fate::cancelled)));
  }

  Runner& runner_;
  ExchangePtr exchange_;
  std::weak_ptr<Call> call_;
  std::string text_, output_, logs_;
  bool logs_cut_ = false;
};

std::uint64_t timeout_of(const json::object& request) {
  const json::value* value = request.if_contains("timeout_ms");
  if (value == nullptr) return kUnlimitedMs;
  if (!value->is_int64() || value->get_int64() < 0)
    throw Error(ErrorKind::bad_arguments, "'timeout_ms' is not a whole number of milliseconds");
  return static_cast<std::uint64_t>(value->get_int64());
}

CallPtr call_from(Runner& runner, const std::string& body) {
  boost::system::error_code why;
  json::parse_options options;
  options.max_depth = wire::kJsonMaxDepth + 2;  // the arguments stand in an array in an object
  const json::value value = json::parse(body, why, {}, options);
  if (why == json::error::too_deep)
    throw Error(ErrorKind::bad_arguments,
                "JSON nests deeper than the " + std::to_string(wire::kJsonMaxDepth) + " that are allowed");
  if (why || !value.is_object())
    throw Error(ErrorKind::bad_arguments, "the request body is no JSON object",
                R"(send {"path":"/x.so","function":"f","args":[…]})");
  const json::object& request = value.get_object();
  auto bind = std::make_shared<Bind>();
  read_bind(request, *bind);
  bind->id = runner.next_bind();
  bind->fresh = flag_of(request, "fresh");
  if (const json::value* args = request.if_contains("args"); args != nullptr && !args->is_array())
    throw Error(ErrorKind::bad_arguments, "'args' is not an array");
  auto call = std::make_shared<Call>();
  call->bind = bind;
  call->deadline = Deadline::from_remaining_ms(timeout_of(request));
  call->head = {0, 1, call->deadline.remaining_ms()};
  const std::string_view args = raw_member(body, "args");
  std::string frame;
  wire::append_call_head(frame, call->head);
  wire::append_argument(frame, wire::ArgumentKind::json_array, args.empty() ? "[]" : args);
  wire::append_pieces(call->waiting, FrameType::call, 0, 0, frame);
  wire::append_frame(call->waiting, FrameType::end_input, 0, 0, {});
  return call;
}

// Steps over one value or string of valid JSON.
std::size_t past_value(std::string_view text, std::size_t at) {
  int depth = 0;
  for (bool in_string = false; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string) {
      if (c == '\\') ++at;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (depth == 0 && (c == ',' || c == ']' || c == '}' || c == ':')) {
      return at;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return at;
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n";
  const std::size_t from = text.find_first_not_of(blank);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(blank) - from + 1);
}

}  // namespace

std::string_view raw_member(std::string_view object, std::string_view key) {
  std::string_view found;
  const std::string quoted = "\"" + std::string(key) + "\"";
  std::size_t at = object.find('{');
  while (at != std::string_view::npos && ++at < object.size()) {
    const std::size_t colon = past_value(object, at);
    if (colon >= object.size() || object[colon] != ':') break;
    const std::size_t end = past_value(object, colon + 1);
    if (trimmed(object.substr(at, colon - at)) == quoted)  // the last one counts, as for the parser
      found = trimmed(object.substr(colon + 1, end - colon - 1));
    if (end >= object.size() || object[end] != ',') break;
    at = end;
  }
  return found;
}

void run_by_post(Runner& runner, const ExchangePtr& exchange) {
  try {
    const CallPtr call = call_from(runner, exchange->request().body);
    call->own_sink = std::make_shared<PostedCall>(runner, exchange, call);
    call->sink = call->own_sink.get();
    exchange->on_gone([&runner, weak = std::weak_ptr(call)] {
      const CallPtr kept = weak.lock();
      if (!kept || kept->sink == nullptr) return;
      ++runner.counters.abandoned;
      kept->sink = nullptr;
      runner.scheduler.cancel(kept);
    });
    try {
      runner.submit(call);
    } catch (const Error&) {
      call->sink = nullptr;
      call->own_sink.reset();
      throw;
    }
  } catch (const Error& error) {
    exchange->answer(problem(error));
  }
}

}  // namespace flame::runner
