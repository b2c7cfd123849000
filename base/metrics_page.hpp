// What Prometheus reads: families of numbers as text, version 0.0.4.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace flame {

class MetricsPage {
 public:
  // everywhere: labels of every sample, as pool="default".
  explicit MetricsPage(std::string everywhere = {}) : everywhere_(std::move(everywhere)) {}

  void family(const char* name, const char* type, const char* help) {
    name_ = name;
    text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  // Of the latest family. value: as it is to stand there.
  void sample(std::string_view value, std::string_view labels = {}) {
    text_ += name_;
    if (!everywhere_.empty() || !labels.empty())
      text_.append("{")
          .append(everywhere_)
          .append(everywhere_.empty() || labels.empty() ? "" : ",")
          .append(labels)
          .append("}");
    text_.append(" ").append(value).append("\n");
  }
  void sample(std::uint64_t value, std::string_view labels = {}) { sample(std::to_string(value), labels); }
  std::string take() { return std::move(text_); }

 private:
  std::string everywhere_, text_, name_;
};

}  // namespace flame
