#include "journal.hpp"

#include "base/text.hpp"
#include "times.hpp"

namespace flame::fly {
namespace json = boost::json;

void Journal::add(JournalEntry entry) {
  if (entries_.size() == kMost) entries_.pop_front();
  entries_.push_back(std::move(entry));
}

json::array Journal::show() const {
  json::array out;
  for (const JournalEntry& entry : entries_)
    out.push_back(json::object{{"when", rfc3339(entry.when_ms)},
                               {"when_ms", entry.when_ms},
                               {"method", entry.method},
                               {"path", entry.path},
                               {"status", entry.status},
                               {"delivery", entry.delivery},
                               {"token", entry.token},
                               {"request_id", entry.request_id},
                               {"changed", json::value_from(entry.changed)},
                               {"faults", json::value_from(entry.faults)}});
  return out;
}

std::string Journal::line(const JournalEntry& entry) {
  std::string out = rfc3339(entry.when_ms).substr(11, 12) + " " + std::to_string(entry.status) + " " +
                    printable(entry.method) + " " + printable(entry.path.substr(0, 200));
  for (const auto& fault : entry.faults) out += " [fault: " + fault + "]";
  for (const auto& change : entry.changed) out += "; " + change;
  return out;
}

}  // namespace flame::fly
