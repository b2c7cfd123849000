// What goes wrong on purpose. A fault holds until it is removed or has struck `times` times.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "random.hpp"

namespace flame::fly {

struct Fault {
  std::uint64_t id = 0;
  std::string kind;
  std::string verb, machine, region, app, step, code, text;  // empty: any
  double probability = 1;
  std::int64_t times = -1;  // -1: without end
  std::int64_t delay_ms = 0, bytes = 64;
  unsigned status = 0;
  std::int64_t hits = 0;
};

struct FaultPlace {
  std::string_view verb, machine, region, app, step;
};

class Faults {
 public:
  explicit Faults(Random& random) : random_(random) {}
  // Throws ApiError(400) for a kind, field or value that is not known.
  std::uint64_t add(const boost::json::value& spec);
  bool remove(std::uint64_t id);
  void clear();
  boost::json::array show() const;

  // The first fault of this kind that strikes here and now; it is counted. nullptr: none.
  const Fault* strike(std::string_view kind, const FaultPlace& place);
  // The same without chance and without counting.
  const Fault* standing(std::string_view kind, const FaultPlace& place) const;
  void on_change(std::function<void()> told) { told_.push_back(std::move(told)); }

 private:
  Random& random_;
  std::deque<Fault> faults_;
  std::uint64_t last_ = 0;
  std::vector<std::function<void()>> told_;
};

}  // namespace flame::fly
