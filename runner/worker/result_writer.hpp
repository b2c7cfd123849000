// The result of a call, written value by value and checked against the type that the signature declares.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runner/worker/number_text.hpp"
#include "wire/limits.hpp"
#include "wire/signature.hpp"

namespace flame::worker {

void append_json_string(std::string& out, std::string_view valid_utf8);

class ResultWriter {
 public:
  // declared: nullptr for a function without a result. All members throw Error(bad_result), or Error(limit)
  // when the text would pass max_bytes.
  explicit ResultWriter(const wire::Type* declared, std::uint64_t max_bytes = wire::kResultMaxBytes)
      : declared_(declared), max_bytes_(max_bytes) {}

  void null();
  void boolean(bool value);
  void i64(std::int64_t value);
  void u64(std::uint64_t value);
  void f64(double value);
  void string(std::string_view text);
  void bytes(std::string_view data);
  void json(std::string_view text);
  void begin_array();
  void begin_record();
  void key(std::string_view name);
  void end_array();
  void end_record();

  bool complete() const { return levels_.empty() && (declared_ == nullptr || written_); }
  bool raw_bytes() const { return raw_; }
  std::string& text() { return text_; }

 private:
  struct Level {
    const wire::Type* type;
    std::size_t count = 0;
    const wire::Type* member = nullptr;  // record: type of the key that was just written
    std::vector<bool> seen = {};
  };
  // Checks that a value of this kind may stand here, writes the comma, answers its type; every method above
  // but key and end begins so.
  const wire::Type& place(wire::Kind kind, std::string_view what);
  void room_for(std::uint64_t size) const;
  const wire::Type* expected(std::string_view what) const;
  void close(wire::Kind kind, char bracket);

  const wire::Type* declared_;
  std::uint64_t max_bytes_;
  std::vector<Level> levels_;
  std::string text_;
  bool written_ = false;
  bool raw_ = false;
};

}  // namespace flame::worker
