#include "runner/http_plugins.hpp"

#include "base/text.hpp"

namespace flame::runner {
namespace {

std::string hash_in(const HttpRequest& request) {
  if (request.rest.size() == 64 && request.rest.find_first_not_of("0123456789abcdef") == std::string::npos)
    return request.rest;
  throw Error(ErrorKind::bad_arguments,
              "'" + printable(request.rest) + "' is not a sha256 of 64 lower-case hex digits");
}

HttpResponse described(unsigned status, const std::string& sha256) {
  return {status, "{\"sha256\":\"" + sha256 + "\"}\n"};
}

class PluginBody final : public BodySink {
 public:
  PluginBody(PluginStore& store, const std::string& sha256) : sha256_(sha256) {
    if (!store.has(sha256)) writer_ = std::make_unique<PluginStore::Writer>(store, sha256);
  }
  void write(std::string_view piece) override {
    if (writer_) writer_->write(piece);
  }
  void finish(const ExchangePtr& exchange) override {
    if (!writer_) return exchange->answer(described(200, sha256_));
    try {
      writer_->install();
      exchange->answer(described(201, sha256_));
    } catch (const Error& error) {
      HttpResponse response = problem(error);
      if (error.kind == ErrorKind::protocol) {
        response.body.replace(response.body.find("400"), 3, "422");  // its "status", which comes first
        response.status = 422;
      }
      exchange->answer(std::move(response));
    }
  }

 private:
  std::string sha256_;
  std::unique_ptr<PluginStore::Writer> writer_;  // null: it was there
};

}  // namespace

void plugin_facts(Runner& runner, const ExchangePtr& exchange) {
  try {
    const std::string sha256 = hash_in(exchange->request());
    if (!runner.plugins.store().has(sha256))
      throw Error(ErrorKind::plugin_missing, "the store does not hold " + sha256, "PUT it here");
    exchange->answer(described(200, sha256));
  } catch (const Error& error) {
    exchange->answer(problem(error));
  }
}

std::unique_ptr<BodySink> open_plugin_body(Runner& runner, const HttpRequest& request) {
  return std::make_unique<PluginBody>(runner.plugins.store(), hash_in(request));
}

}  // namespace flame::runner
