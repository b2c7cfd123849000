#include "wire/signature.hpp"

#include <array>

#include "base/error.hpp"

namespace flame::wire {
namespace {

struct Name {
  std::string_view text;
  Kind kind;
  std::uint8_t bits = 64;
};
constexpr std::array<Name, 14> kNames = {
    Name{"bool", Kind::boolean}, {"i8", Kind::i64, 8},   {"i16", Kind::i64, 16}, {"i32", Kind::i64, 32},
    {"i64", Kind::i64},          {"u8", Kind::u64, 8},   {"u16", Kind::u64, 16}, {"u32", Kind::u64, 32},
    {"u64", Kind::u64},          {"f32", Kind::f64, 32}, {"f64", Kind::f64},     {"string", Kind::string},
    {"bytes", Kind::bytes},      {"json", Kind::json}};

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Signature signature() {
    Signature out;
    expect('(');
    out.parameters = fields(')', 0);
    skip();
    if (at_ < text_.size()) {
      expect('-');
      if (at_ >= text_.size() || text_[at_] != '>') fail("'->'");
      ++at_;
      out.result = type(0);
    }
    skip();
    if (at_ != text_.size()) fail("the end");
    return out;
  }

 private:
  [[noreturn]] void fail(std::string_view wanted) const {
    throw Error(ErrorKind::bad_result, "the signature '" + std::string(text_.substr(0, 200)) + "' wants " +
                                           std::string(wanted) + " at byte " + std::to_string(at_));
  }
  void skip() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  bool take(char c) {
    skip();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail("'" + std::string(1, c) + "'");
  }
  std::string word() {
    skip();
    const std::size_t from = at_;
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
    const auto digit = [](char c) { return c >= '0' && c <= '9'; };
    while (at_ < text_.size() && (letter(text_[at_]) || (at_ > from && digit(text_[at_])))) ++at_;
    if (at_ == from) fail("a name");
    if (at_ - from > kNameMaxBytes) fail("a name of at most " + std::to_string(kNameMaxBytes) + " bytes");
    return std::string(text_.substr(from, at_ - from));
  }
  std::vector<Field> fields(char end, int depth) {
    std::vector<Field> out;
    if (take(end)) return out;
    do {
      Field field;
      field.name = word();
      expect(':');
      field.type = type(depth + 1);
      for (const Field& other : out)
        if (other.name == field.name) fail("a name other than '" + field.name + "', which it has already");
      out.push_back(std::move(field));
    } while (take(','));
    expect(end);
    return out;
  }
  Type type(int depth) {
    if (depth > kTypeMaxDepth) fail("less depth");
    Type out;
    if (take('[')) {
      out.kind = Kind::array;
      out.element.push_back(type(depth + 1));
      expect(']');
    } else if (take('{')) {
      out.kind = Kind::record;
      out.fields = fields('}', depth + 1);
    } else {
      base(out);
    }
    out.optional = take('?');
    return out;
  }
  void base(Type& out) {
    skip();
    const std::size_t from = at_;
    const std::string name = word();
    for (const Name& known : kNames) {
      if (known.text != name) continue;
      out.kind = known.kind;
      out.bits = known.bits;
      return;
    }
    at_ = from;
    fail("a type");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

Signature parse_signature(std::string_view text) {
  if (text.size() > kSignatureMaxBytes)
    throw Error(ErrorKind::limit, "a signature of " + std::to_string(text.size()) + " bytes; the limit is " +
                                      std::to_string(kSignatureMaxBytes));
  return Parser(text).signature();
}

std::string to_string(const Type& type) {
  std::string out;
  switch (type.kind) {
    case Kind::array:
      out = "[" + to_string(type.element.front()) + "]";
      break;
    case Kind::record:
      for (const Field& field : type.fields)
        out += (out.empty() ? "{" : ", ") + field.name + ": " + to_string(field.type);
      out += out.empty() ? "{}" : "}";
      break;
    default:
      for (const Name& known : kNames)
        if (known.kind == type.kind && known.bits == type.bits) out = known.text;
  }
  return type.optional ? out + "?" : out;
}

}  // namespace flame::wire
