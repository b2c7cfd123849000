#include "guest_plan.hpp"

#include "base/text.hpp"

namespace flame::fly {
namespace json = boost::json;

json::object plan_json(const ProcessPlan& plan, Isolation isolation) {
  json::array files;
  for (const GuestFile& file : plan.files)
    files.push_back(
        json::object{{"path", file.path}, {"mode", file.mode}, {"content", base64(file.content)}});
  return {{"isolate", isolation == Isolation::namespaces},
          {"root", plan.root},
          {"scratch", plan.scratch},
          {"keep_disk", plan.keep_disk},
          {"command", json::value_from(plan.command)},
          {"environment", json::value_from(plan.environment)},
          {"files", std::move(files)},
          {"memory_mb", plan.memory_mb},
          {"clock_page", plan.clock_page}};
}

ProcessPlan plan_from_json(const json::object& plan) {
  ProcessPlan out;
  out.root = json::value_to<std::string>(plan.at("root"));
  out.scratch = json::value_to<std::string>(plan.at("scratch"));
  out.keep_disk = plan.at("keep_disk").as_bool();
  out.command = json::value_to<std::vector<std::string>>(plan.at("command"));
  out.environment = json::value_to<std::vector<std::string>>(plan.at("environment"));
  out.memory_mb = plan.at("memory_mb").to_number<std::int64_t>();
  out.clock_page = json::value_to<std::string>(plan.at("clock_page"));
  for (const auto& file : plan.at("files").as_array())
    out.files.push_back({json::value_to<std::string>(file.at("path")),
                         from_base64(json::value_to<std::string>(file.at("content"))).value_or(""),
                         file.at("mode").to_number<unsigned>()});
  return out;
}

}  // namespace flame::fly
