#include "faults.hpp"

#include <algorithm>
#include <array>

#include "config.hpp"
#include "errors.hpp"

namespace flame::fly {
namespace json = boost::json;
namespace {

constexpr std::array<std::string_view, 24> kKinds = {
    "lost_reply", "ghost",     "delay",        "cut",         "html",         "empty",
    "refuse",     "rate",      "capacity",     "host_gone",   "list_lag",     "list_lacks",
    "list_empty", "wait_lies", "never_starts", "dies",        "listens_late", "exec_cut",
    "pull",       "oom",       "hold",         "no_snapshot", "deaf",         "answer"};

bool matches(std::string_view wanted, std::string_view found) { return wanted.empty() || wanted == found; }

bool applies(const Fault& fault, std::string_view kind, const FaultPlace& place) {
  return fault.kind == kind && fault.times != 0 && matches(fault.verb, place.verb) &&
         matches(fault.machine, place.machine) && matches(fault.region, place.region) &&
         matches(fault.app, place.app) && matches(fault.step, place.step);
}

void take(Fault& fault, std::string_view name, const json::value& value) {
  const auto string_field = [&](std::string& out) {
    if (!value.is_string()) throw bad_request("fault: " + std::string(name) + " wants a string");
    out = value.get_string();
  };
  const auto number_field = [&]() {
    if (!value.is_int64() || value.get_int64() < -1)
      throw bad_request("fault: " + std::string(name) + " wants a whole number");
    return value.get_int64();
  };
  if (name == "kind")
    string_field(fault.kind);
  else if (name == "verb")
    string_field(fault.verb);
  else if (name == "machine")
    string_field(fault.machine);
  else if (name == "region")
    string_field(fault.region);
  else if (name == "app")
    string_field(fault.app);
  else if (name == "step")
    string_field(fault.step);
  else if (name == "code")
    string_field(fault.code);
  else if (name == "text")
    string_field(fault.text);
  else if (name == "times")
    fault.times = number_field();
  else if (name == "delay_ms")
    fault.delay_ms = number_field();
  else if (name == "bytes")
    fault.bytes = number_field();
  else if (name == "status")
    fault.status = static_cast<unsigned>(number_field());
  else if (name == "probability" && value.is_number())
    fault.probability = value.to_number<double>();
  else
    throw bad_request("fault: no field is called " + std::string(name));
}

}  // namespace

std::uint64_t Faults::add(const json::value& spec) {
  if (!spec.is_object()) throw bad_request("a fault is an object");
  Fault fault;
  for (const auto& [name, value] : spec.get_object()) take(fault, name, value);
  if (std::find(kKinds.begin(), kKinds.end(), fault.kind) == kKinds.end())
    throw bad_request("no fault is called '" + fault.kind + "'");
  if (fault.kind == "capacity") {
    if (fault.code.empty()) fault.code = "insufficient_capacity";
    if (capacity_error(fault.code, "", "").status == 0)
      throw bad_request("no capacity code is called " + fault.code);
  }
  if (fault.status != 0 && (fault.status < 200 || fault.status > 599))
    throw bad_request("fault: status wants 200..599");
  if (fault.kind == "listens_late" && fault.delay_ms == 0) fault.delay_ms = 5000;
  fault.id = ++last_;
  faults_.push_back(fault);
  for (const auto& told : told_) told();
  return fault.id;
}

bool Faults::remove(std::uint64_t id) {
  const bool found = std::erase_if(faults_, [&](const Fault& fault) { return fault.id == id; }) > 0;
  for (const auto& told : told_) told();
  return found;
}

void Faults::clear() {
  faults_.clear();
  for (const auto& told : told_) told();
}

json::array Faults::show() const {
  json::array out;
  for (const Fault& fault : faults_) {
    json::object entry{{"id", fault.id},
                       {"kind", fault.kind},
                       {"probability", fault.probability},
                       {"times", fault.times},
                       {"hits", fault.hits}};
    const auto put = [&](std::string_view name, const std::string& value) {
      if (!value.empty()) entry[name] = value;
    };
    put("verb", fault.verb);
    put("machine", fault.machine);
    put("region", fault.region);
    put("app", fault.app);
    put("step", fault.step);
    put("code", fault.code);
    out.push_back(std::move(entry));
  }
  return out;
}

const Fault* Faults::standing(std::string_view kind, const FaultPlace& place) const {
  for (const Fault& fault : faults_)
    if (applies(fault, kind, place)) return &fault;
  return nullptr;
}

const Fault* Faults::strike(std::string_view kind, const FaultPlace& place) {
  for (Fault& fault : faults_) {
    if (!applies(fault, kind, place)) continue;
    if (fault.probability < 1 && !random_.chance(fault.probability)) continue;
    if (fault.times > 0) --fault.times;
    ++fault.hits;
    return &fault;
  }
  return nullptr;
}

}  // namespace flame::fly
