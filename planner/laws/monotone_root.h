// SPDX-License-Identifier: Apache-2.0
// Bisection of a monotone yes/no question over positive reals, to the last bit, in the logarithm.
// Not a general root finder: callers bring the proof of monotony.
#ifndef RHUMB_PLANNER_LAWS_MONOTONE_ROOT_H_
#define RHUMB_PLANNER_LAWS_MONOTONE_ROOT_H_

#include <cmath>

namespace rhumb {

// Boundary of `holds`, which is true on [low, x*) and false after, 0 < low <= high: the largest
// representable number found to hold, `low` if none does, `high` if all do.
// About 70 evaluations: geometric halving leaves no relative error beyond one rounding.
template <typename Predicate>
double LastTrue(const Predicate& holds, double low, double high) {
  if (!holds(low)) return low;
  if (holds(high)) return high;
  for (;;) {
    const double middle = std::sqrt(low) * std::sqrt(high);
    if (!(middle > low && middle < high)) return low;
    (holds(middle) ? low : high) = middle;
  }
}

// The same from the other side: the smallest number for which `holds`, false before and true after;
// `high` if none does, `low` if all do.
template <typename Predicate>
double FirstTrue(const Predicate& holds, double low, double high) {
  if (holds(low)) return low;
  if (!holds(high)) return high;
  for (;;) {
    const double middle = std::sqrt(low) * std::sqrt(high);
    if (!(middle > low && middle < high)) return high;
    (holds(middle) ? high : low) = middle;
  }
}

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_MONOTONE_ROOT_H_
