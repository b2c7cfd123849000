// Gives every type back as it came, and what a function may tell: for the round trips of the tests.
#include <flame/plugin.hpp>

#include <chrono>
#include <stdexcept>

namespace {

struct point {
  double x = 0;
  std::optional<double> y;
};
FLAME_RECORD(point, x, y)

struct everything {
  bool flag = false;
  std::int8_t i8 = 0;
  std::uint64_t u64 = 0;
  float f32 = 0;
  std::string text;
  flame::bytes data;
  flame::json any;
  std::vector<point> points;
  std::optional<std::vector<std::string>> names;
};
FLAME_RECORD(everything, flag, i8, u64, f32, text, data, any, points, names)

template <class T>
T echo(const T& value) {
  return value;
}

double sum(flame::span<double> numbers) {
  double out = 0;
  for (const double one : numbers) out += one;
  return out;
}
std::uint64_t size_of(flame::bytes_view data) { return data.size(); }
std::uint64_t length_of(std::string_view text) { return text.size(); }

// n bytes: 0, 1, 2 … 255, 0, 1 …
flame::bytes make_bytes(std::uint64_t n) {
  flame::bytes out(n);
  for (std::uint64_t i = 0; i < n; ++i) out[i] = static_cast<std::uint8_t>(i);
  return out;
}

struct precise_error : flame::error {
  using flame::error::error;
};
void throw_code(int code) { throw flame::error(code, "with a code", "EXAMPLE"); }
void throw_derived(int code) { throw precise_error(code, "derived"); }
void throw_standard(std::string_view text) { throw std::invalid_argument(std::string(text)); }
void throw_number(int number) { throw number; }

void tell(flame::context& call) {
  call.debug("at debug");
  call.info("at info");
  call.warning("at warning");
  call.error("at error");
  call.progress(1, 2, "half");
}
// The time left in milliseconds, or null without a deadline.
std::optional<std::int64_t> remaining(flame::context& call) {
  const auto left = call.remaining();
  if (!left) return std::nullopt;
  return left->count();
}
bool knows(flame::context& call, const std::string& extension) {
  return call.extension(extension.c_str()) != nullptr;
}

// Reads numbers between the pieces that it writes: streams and a result together.
std::uint64_t count_stream(flame::input& in, flame::output& out, flame::context& call) {
  char buffer[4096];
  std::uint64_t total = 0;
  while (const auto size = in.read(buffer)) {
    call.stop_if_cancelled();
    total += size;
    out.write(buffer, size);
  }
  return total;
}

}  // namespace

FLAME_PLUGIN(
    "types", "1.0", flame::function("bool", echo<bool>, "value"),
    flame::function("i8", echo<std::int8_t>, "value"), flame::function("i16", echo<std::int16_t>, "value"),
    flame::function("i32", echo<std::int32_t>, "value"), flame::function("i64", echo<std::int64_t>, "value"),
    flame::function("u8", echo<std::uint8_t>, "value"), flame::function("u16", echo<std::uint16_t>, "value"),
    flame::function("u32", echo<std::uint32_t>, "value"),
    flame::function("u64", echo<std::uint64_t>, "value"), flame::function("f32", echo<float>, "value"),
    flame::function("f64", echo<double>, "value"), flame::function("string", echo<std::string>, "value"),
    flame::function("bytes", echo<flame::bytes>, "value"),
    flame::function("json", echo<flame::json>, "value"),
    flame::function("bools", echo<std::vector<bool>>, "value"),
    flame::function("i8s", echo<std::vector<std::int8_t>>, "value"),
    flame::function("u64s", echo<std::vector<std::uint64_t>>, "value"),
    flame::function("f64s", echo<std::vector<double>>, "value"),
    flame::function("strings", echo<std::vector<std::string>>, "value"),
    flame::function("bytess", echo<std::vector<flame::bytes>>, "value"),
    flame::function("nested", echo<std::vector<std::vector<std::optional<int>>>>, "value"),
    flame::function("maybe", echo<std::optional<double>>, "value"),
    flame::function("maybe_string", echo<std::optional<std::string>>, "value"),
    flame::function("point", echo<point>, "value"), flame::function("everything", echo<everything>, "value"),
    flame::function("sum", sum, "numbers"), flame::function("size_of", size_of, "data").idempotent(),
    flame::function("length_of", length_of, "text"), flame::function("make_bytes", make_bytes, "n"),
    flame::function("throw_code", throw_code, "code"),
    flame::function("throw_derived", throw_derived, "code"),
    flame::function("throw_standard", throw_standard, "text"),
    flame::function("throw_number", throw_number, "number"), flame::function("tell", tell),
    flame::function("remaining", remaining), flame::function("knows", knows, "extension"),
    flame::function("count_stream", count_stream)
        .doc("Says \"how much\", with a \\ and a\nnew line: \u20ac.")
        .guest("performance-1x")
        .idempotent())
