// flame/plugin/context.hpp — what a C++ function may ask of its host while it runs. Part of flame/plugin.hpp.
//
// A function takes these by reference, anywhere among its parameters; they are not part of its signature.
//
// SPDX-License-Identifier: MIT
#ifndef FLAME_PLUGIN_CONTEXT_HPP
#define FLAME_PLUGIN_CONTEXT_HPP

#include <flame/plugin.h>

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace flame {

// A failure with an exit status of its own: code 1 to 123; others count as 1. Every other exception counts
// as 1. Where type is empty, the caller is told the C++ type that was thrown.
class error : public std::exception {
 public:
  explicit error(int code, std::string message, std::string type = {})
      : code_(code), message_(std::move(message)), type_(std::move(type)) {}

  int code() const noexcept { return code_; }
  const std::string& type() const noexcept { return type_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  int code_;
  std::string message_, type_;
};

// Thrown by the calls below when the caller has given up or the host refused: let it pass, to end the call.
class stopped : public std::exception {
 public:
  const char* what() const noexcept override { return "the call was stopped"; }
};

namespace detail {
inline void check(int status) {
  if (status != FLAME_OK) throw stopped();
}
}  // namespace detail

// Every member but handle() may be called from every thread, until the function returns.
class context {
 public:
  explicit context(flame_call* call) : call_(call) {}
  context(const context&) = delete;
  context& operator=(const context&) = delete;

  // One line each for the caller's stderr.
  void debug(std::string_view line) const { log(FLAME_LOG_DEBUG, line); }
  void info(std::string_view line) const { log(FLAME_LOG_INFO, line); }
  void warning(std::string_view line) const { log(FLAME_LOG_WARNING, line); }
  void error(std::string_view line) const { log(FLAME_LOG_ERROR, line); }

  // done of total (0: not known). Cheap: the host passes on a few a second.
  void progress(double done, double total = 0, const char* note = nullptr) const {
    call_->host->progress(call_, done, total, note);
  }

  // Whether the caller has given up; costs about as much as reading a variable.
  bool cancelled() const { return call_->host->cancelled(call_) != 0; }
  // Ends the call if so.
  void stop_if_cancelled() const {
    if (cancelled()) throw stopped();
  }

  // Time until the deadline; nullopt without one.
  std::optional<std::chrono::milliseconds> remaining() const {
    const auto ms = call_->host->remaining_ms(call_);
    if (ms > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
    return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
  }

  // A table of the host's by "name/rev", or nullptr.
  const void* extension(const char* name) const { return call_->host->extension(call_->host, name); }

  flame_call* handle() const { return call_; }

 private:
  void log(std::int32_t level, std::string_view line) const {
    call_->host->log(call_, level, line.data(), line.size());
  }
  flame_call* call_;
};

// The caller's input, as bytes. A function that takes it is a streaming one.
class input {
 public:
  explicit input(flame_call* call) : call_(call) {}
  input(const input&) = delete;
  input& operator=(const input&) = delete;

  // Waits for at least a byte; returns how many came, 0 at the end.
  std::size_t read(void* buffer, std::size_t capacity) {
    const std::int64_t got = call_->host->read(call_, buffer, capacity);
    if (got < 0) throw stopped();
    return static_cast<std::size_t>(got);
  }
  template <std::size_t Capacity>
  std::size_t read(char (&buffer)[Capacity]) {
    return read(buffer, Capacity);
  }

 private:
  flame_call* call_;
};

// The caller's output, as bytes. A function that takes it is a streaming one.
class output {
 public:
  explicit output(flame_call* call) : call_(call) {}
  output(const output&) = delete;
  output& operator=(const output&) = delete;

  // All or nothing; waits while the caller is slow.
  void write(const void* data, std::size_t size) { detail::check(call_->host->write(call_, data, size)); }
  void write(std::string_view text) { write(text.data(), text.size()); }

 private:
  flame_call* call_;
};

}  // namespace flame

#endif
