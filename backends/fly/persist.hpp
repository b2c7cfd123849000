// Writes that may be refused "just now", or whose answer was lost: asked again until the deadline.
#pragma once
#include <optional>

#include "backends/fly/answer.hpp"
#include "backends/fly/pause.hpp"
#include "base/clock.hpp"
#include "base/error.hpp"

namespace flame::backend::fly {

constexpr milliseconds kTransientPause{400};

// Asks until the answer is another than "not just now", or what was wanted is so already. At the deadline
// that is what is told, not that there was no time for another.
template <class Ask, class Reached>
Answer persist(Deadline deadline, Ask ask, Reached reached) {
  std::optional<Answer> last;
  for (;;) try {
      Answer answer = ask();
      const bool again = answer.meaning == Meaning::transient || answer.meaning == Meaning::ambiguous;
      if (again && last && answer.status == 0 && deadline.passed()) return *last;  // it was cut short
      if (!again) return answer;
      last = answer;
      last->late = true;
      if (deadline.passed()) return *last;
      if (reached()) return {};
      pause(kTransientPause, deadline);
      if (deadline.passed()) return *last;
    } catch (const Error& error) {
      if (!last || (error.kind != ErrorKind::timed_out && !deadline.passed())) throw;
      return *last;
    }
}
template <class Ask>
Answer persist(Deadline deadline, Ask ask) {
  return persist(deadline, ask, [] { return false; });
}

}  // namespace flame::backend::fly
