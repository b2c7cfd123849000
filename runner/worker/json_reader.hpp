// JSON (RFC 8259) read value by value, where the reader knows what it wants. Numbers stay text, so that
// nothing is lost before their type is known; nesting costs no stack.
#pragma once
#include <string>
#include <string_view>

namespace flame::worker {

// Where and why a text is not JSON: "it ends too early, at byte 7".
struct JsonError {
  std::string why;
};

// All members throw JsonError.
class JsonReader {
 public:
  // The text must outlive the reader; it is checked to be UTF-8.
  explicit JsonReader(std::string_view text);

  char peek();                // first byte of what comes next; 0 at the end
  bool take(char mark);       // a bracket, comma or colon, if it is next
  void expect(char mark);     // one that must be next
  bool take_null();           // null, if it is next
  bool boolean();             // true or false
  std::string string();       // decoded; may hold NUL
  std::string_view number();  // as it is written
  std::string_view value();   // any value, as it is written, checked whole
  void end();                 // nothing more

 private:
  [[noreturn]] void fail(const char* why) const;
  void word(std::string_view text);
  void skip_string();
  void skip_scalar();
  void skip_key();
  void append_escape(std::string& out);
  unsigned four_digits();
  std::size_t skip_digits();

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace flame::worker
