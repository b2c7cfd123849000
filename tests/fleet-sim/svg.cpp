#include "svg.hpp"

#include <algorithm>
#include <cstdio>

namespace flame::sim {
namespace {

constexpr double kWidth = 720, kHeight = 240, kLeft = 50, kTop = 30, kBottom = 30;

std::string text(double x, double y, const std::string& words, const char* more = "") {
  char out[512];
  std::snprintf(out, sizeof out, "<text x=\"%.0f\" y=\"%.0f\" %s>%s</text>\n", x, y, more, words.c_str());
  return out;
}

struct Scale {
  double until, most;
  double x(double at) const { return kLeft + at / until * (kWidth - kLeft - 10); }
  double y(double value) const { return kTop + (1 - value / most) * (kHeight - kTop - kBottom); }
};

template <class Value>
std::string line(const Outcome& outcome, const Scale& scale, const char* colour, Value value) {
  std::string out = "<polyline fill=\"none\" stroke=\"" + std::string(colour) + "\" points=\"";
  char point[64];
  for (const Sample& sample : outcome.timeline) {
    std::snprintf(point, sizeof point, "%.1f,%.1f ", scale.x(sample.at),
                  scale.y(std::min(value(sample), scale.most)));
    out += point;
  }
  return out + "\"/>\n";
}

}  // namespace

std::string timeline_svg(const std::string& title, const Outcome& outcome, double fixed_count) {
  Scale scale{std::max(1.0, outcome.end_seconds), std::max(1.0, fixed_count)};
  for (const Sample& sample : outcome.timeline) scale.most = std::max(scale.most, sample.ready);
  scale.most *= 1.1;
  std::string out =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 720 240\" font-family=\"sans-serif\" "
      "font-size=\"11\">\n"
      "<rect width=\"720\" height=\"240\" fill=\"white\"/>\n";
  out += text(kLeft, 18, title + ": ready (blue), running (green), waiting (red), best fixed fleet (grey)");
  out += line(outcome, scale, "crimson", [](const Sample& one) { return one.queued; });
  out += line(outcome, scale, "seagreen", [](const Sample& one) { return one.busy; });
  out += line(outcome, scale, "steelblue", [](const Sample& one) { return one.ready; });
  char grey[160];
  std::snprintf(
      grey, sizeof grey,
      "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"grey\" stroke-dasharray=\"4\"/>\n",
      scale.x(0), scale.x(scale.until), scale.y(fixed_count), scale.y(fixed_count));
  out += grey;
  out += text(8, scale.y(scale.most / 1.1) + 4, std::to_string(static_cast<int>(scale.most / 1.1)));
  out += text(8, scale.y(0) + 4, "0");
  char hours[64];
  std::snprintf(hours, sizeof hours, "%.1f h", scale.until / 3600);
  out += text(kWidth - 40, kHeight - 10, hours);
  return out + "</svg>\n";
}

}  // namespace flame::sim
