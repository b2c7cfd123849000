// Bytes in, bytes out: a smaller picture, in the PPM format (P6), which needs no library.
#include <flame/plugin.hpp>

#include <algorithm>
#include <charconv>

namespace {

struct picture {
  std::uint64_t width = 0, height = 0;
  const std::uint8_t* pixels = nullptr;  // three bytes each
};

[[noreturn]] void refuse(const char* why) { throw flame::error(65, why, "bad picture"); }

// The next number of the header: behind white space and comments, which run from # to the end of the line.
std::uint64_t take_number(std::string_view& text) {
  const std::string_view space = " \t\r\n";
  for (;;) {
    text.remove_prefix(std::min(text.find_first_not_of(space), text.size()));
    if (text.empty() || text.front() != '#') break;
    text.remove_prefix(std::min(text.find('\n'), text.size()));
  }
  std::uint64_t number = 0;
  const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (why != std::errc()) refuse("a number is missing from the header of the PPM file");
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

picture parse(flame::bytes_view file) {
  constexpr std::uint64_t limit = 1 << 20;
  std::string_view text = file.text();
  if (text.substr(0, 2) != "P6") refuse("not a PPM file: it does not begin with P6");
  text.remove_prefix(2);
  picture out;
  out.width = take_number(text);
  out.height = take_number(text);
  if (out.width == 0 || out.height == 0 || out.width > limit || out.height > limit)
    refuse("a picture is 1 to 1048576 pixels wide and high");
  if (take_number(text) != 255) refuse("only one byte a colour is supported");
  if (text.empty() || text.size() - 1 < out.width * out.height * 3) refuse("the PPM file is cut short");
  out.pixels = reinterpret_cast<const std::uint8_t*>(text.data() + 1);  // one white space stands between
  return out;
}

// The mean colour of the pixels from (left, top) to (right, bottom), both excluded.
void append_mean(flame::bytes& out, const picture& from, std::uint64_t left, std::uint64_t right,
                 std::uint64_t top, std::uint64_t bottom) {
  std::uint64_t sums[3] = {};
  for (std::uint64_t y = top; y < bottom; ++y)
    for (std::uint64_t x = left; x < right; ++x)
      for (std::size_t c = 0; c < 3; ++c) sums[c] += from.pixels[(y * from.width + x) * 3 + c];
  const std::uint64_t count = (right - left) * (bottom - top);
  for (const auto sum : sums) out.push_back(static_cast<std::uint8_t>((sum + count / 2) / count));
}

flame::bytes thumbnail(flame::bytes_view file, std::uint32_t size, flame::context& call) {
  if (size == 0) throw flame::error(64, "a thumbnail is at least one pixel wide");
  const picture from = parse(file);
  const auto longer = std::max(from.width, from.height);
  const auto scaled = [&](std::uint64_t n) {
    return longer <= size ? n : std::max<std::uint64_t>(1, n * size / longer);
  };
  const auto width = scaled(from.width), height = scaled(from.height);
  flame::bytes out("P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n");
  for (std::uint64_t y = 0; y < height; ++y) {
    call.stop_if_cancelled();
    call.progress(static_cast<double>(y), static_cast<double>(height), "rows");
    for (std::uint64_t x = 0; x < width; ++x)
      append_mean(out, from, x * from.width / width, (x + 1) * from.width / width,  //
                  y * from.height / height, (y + 1) * from.height / height);
  }
  return out;
}

}  // namespace

FLAME_PLUGIN("image", "1.0",
             flame::function("thumbnail", thumbnail, "ppm", "size")
                 .doc("The picture with its longer side scaled down to size pixels; PPM (P6) in and out.")
                 .idempotent())
