#include "logs.hpp"

#include <charconv>
#include <vector>

#include "base/text.hpp"
#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;

void Logs::add(std::string_view app, std::string_view machine, std::string_view region,
               std::string_view message) {
  auto& lines = lines_.try_emplace(std::string(app)).first->second;
  if (lines.size() == kMostLines) lines.pop_front();
  lines.push_back({++last_, unix_ms(), std::string(machine), std::string(region),
                   printable(message.substr(0, kMostLineBytes), true)});
}

json::object Logs::show(const std::string& app, const LogQuery& query) const {
  std::vector<const Line*> found;
  std::uint64_t after = 0;
  std::from_chars(query.next_token.data(), query.next_token.data() + query.next_token.size(), after);
  if (const auto lines = lines_.find(app); lines != lines_.end())
    for (const Line& line : lines->second)
      if (line.id > after && (query.instance.empty() || line.machine == query.instance) &&
          (query.region.empty() || line.region == query.region))
        found.push_back(&line);
  if (found.size() > kPage && after == 0) found.erase(found.begin(), found.end() - kPage);
  if (found.size() > kPage) found.resize(kPage);
  json::array data;
  for (const Line* line : found)
    data.push_back(json::object{
        {"id", std::to_string(line->id)},
        {"type", "log"},
        {"attributes",
         json::object{{"timestamp", rfc3339(line->when_ms)},
                      {"message", line->message},
                      {"level", "info"},
                      {"instance", line->machine},
                      {"region", line->region},
                      {"meta", json::object{{"instance", line->machine}, {"region", line->region}}}}}});
  const std::string next = found.empty() ? query.next_token : std::to_string(found.back()->id);
  return {{"data", std::move(data)}, {"meta", json::object{{"next_token", next}}}};
}

}  // namespace flame::fly
