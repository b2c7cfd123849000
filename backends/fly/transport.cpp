#include "backends/fly/transport.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "base/error.hpp"

namespace flame::backend::fly {
namespace {

constexpr std::size_t kBodyMaxBytes = 64 * 1024 * 1024;
constexpr long kConnectTimeoutMs = 10'000;

// One request on its way. Lives on the stack of the thread that waits for it.
struct Transfer {
  CURL* handle = nullptr;
  curl_slist* headers = nullptr;
  HttpReply reply;
  bool too_large = false;
  std::array<char, CURL_ERROR_SIZE> why{};
  std::promise<CURLcode> done;

  Transfer() = default;
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
  ~Transfer() {
    curl_slist_free_all(headers);
    if (handle != nullptr) curl_easy_cleanup(handle);
  }
};

std::size_t on_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  transfer.too_large = transfer.reply.body.size() + size > kBodyMaxBytes;
  if (transfer.too_large) return 0;
  transfer.reply.body.append(data, size);
  return size;
}

std::size_t on_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& reply = static_cast<Transfer*>(user)->reply;
  const std::string_view line(data, size);
  const std::size_t colon = line.find(':');
  if (colon == line.npos) return size;
  std::string name(line.substr(0, colon));
  for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\n' || value.back() == '\r')) value.remove_suffix(1);
  if (name == "fly-request-id") reply.request_id = value;
  if (name == "fly-next-cursor") reply.next_cursor = value;
  if (name == "retry-after") reply.retry_after_ms = std::atoll(std::string(value).c_str()) * 1000;
  return size;
}

// Errors that are told before the request can have left.
bool may_have_reached(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return false;
    default:
      return true;
  }
}

bool is_hopeless(CURLcode code) {
  return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
         code == CURLE_URL_MALFORMAT || code == CURLE_UNSUPPORTED_PROTOCOL;
}

void prepare(Transfer& transfer, const HttpRequest& request, Deadline deadline) {
  transfer.handle = curl_easy_init();
  if (transfer.handle == nullptr) throw HttpFailure(false, "libcurl cannot start");
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(transfer.handle, option, value); };
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, "flame/" FLAME_VERSION);
  if (!request.body.empty()) {
    set(CURLOPT_POSTFIELDS, request.body.c_str());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    transfer.headers = curl_slist_append(transfer.headers, "Content-Type: application/json");
  }
  transfer.headers = curl_slist_append(transfer.headers, "Expect:");
  for (const auto& header : request.headers)
    transfer.headers = curl_slist_append(transfer.headers, header.c_str());
  set(CURLOPT_HTTPHEADER, transfer.headers);
  set(CURLOPT_WRITEFUNCTION, on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_HEADERFUNCTION, on_header);
  set(CURLOPT_HEADERDATA, &transfer);
  set(CURLOPT_ERRORBUFFER, transfer.why.data());
  set(CURLOPT_PRIVATE, &transfer);
  const std::string authorities = own_authorities();
  if (!authorities.empty()) set(CURLOPT_CAINFO, authorities.c_str());  // copied
  // Redirects are not followed: a token must not travel to where an answer points.
  set(CURLOPT_FOLLOWLOCATION, 0L);
  const int left_ms = deadline.poll_timeout_ms();
  set(CURLOPT_CONNECTTIMEOUT_MS,
      left_ms < 0 ? kConnectTimeoutMs : std::min<long>(left_ms, kConnectTimeoutMs));
  if (left_ms >= 0) set(CURLOPT_TIMEOUT_MS, std::max<long>(left_ms, 1));
}

}  // namespace

class Transport::Loop {
 public:
  Loop() {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi_ = curl_multi_init();
    if (multi_ == nullptr) throw Error(ErrorKind::system, "libcurl cannot start");
    thread_ = std::thread([this] { run(); });
  }
  ~Loop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
  }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void add(Transfer& transfer) {
    {
      const std::lock_guard lock(mutex_);
      added_.push_back(&transfer);
    }
    curl_multi_wakeup(multi_);
  }

 private:
  // True: go on.
  bool take_added() {
    const std::lock_guard lock(mutex_);
    for (Transfer* transfer : added_) {
      running_.push_back(transfer);
      curl_multi_add_handle(multi_, transfer->handle);
    }
    added_.clear();
    return !stopping_;
  }

  void finish(Transfer& transfer, CURLcode code) {
    curl_multi_remove_handle(multi_, transfer.handle);
    std::erase(running_, &transfer);
    long status = 0;
    curl_easy_getinfo(transfer.handle, CURLINFO_RESPONSE_CODE, &status);
    transfer.reply.status = static_cast<int>(status);
    transfer.done.set_value(code);  // the waiting thread owns it from here on
  }

  void run() {
    while (take_added()) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      int left = 0;
      while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        Transfer* transfer = nullptr;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        finish(*transfer, message->data.result);
      }
      curl_multi_poll(multi_, nullptr, 0, 1000, nullptr);
    }
    while (!running_.empty()) finish(*running_.front(), CURLE_ABORTED_BY_CALLBACK);
  }

  CURLM* multi_ = nullptr;
  std::thread thread_;
  std::mutex mutex_;
  std::vector<Transfer*> added_;    // under mutex_
  bool stopping_ = false;           // under mutex_
  std::vector<Transfer*> running_;  // the loop's own
};

std::string own_authorities() {
  const char* file = std::getenv("SSL_CERT_FILE");
  return file != nullptr ? file : "";
}

Transport::Transport() : loop_(std::make_unique<Loop>()) {}
Transport::~Transport() = default;

HttpReply Transport::send(const HttpRequest& request, Deadline deadline) {
  Transfer transfer;
  prepare(transfer, request, deadline);
  auto done = transfer.done.get_future();
  loop_->add(transfer);
  const CURLcode code = done.get();
  if (code == CURLE_OK) return std::move(transfer.reply);
  if (transfer.too_large)
    throw HttpFailure(true, "the answer is longer than " + std::to_string(kBodyMaxBytes) + " bytes");
  HttpFailure failure(may_have_reached(code),
                      transfer.why[0] != '\0' ? transfer.why.data() : curl_easy_strerror(code),
                      is_hopeless(code));
  failure.answered = transfer.reply.status != 0;
  throw failure;
}

}  // namespace flame::backend::fly
