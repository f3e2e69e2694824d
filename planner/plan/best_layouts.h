// SPDX-License-Identifier: Apache-2.0
// The layouts that come closest to a plan's own: the same model on the same GPUs.
#ifndef RHUMB_PLANNER_PLAN_BEST_LAYOUTS_H_
#define RHUMB_PLANNER_PLAN_BEST_LAYOUTS_H_

#include <vector>

#include "planner/plan/plan.h"
#include "planner/plan/solve.h"

namespace rhumb {

inline constexpr int kBestLayouts = 5;

// The best kBestLayouts layouts of the solution's model at its place, each with its own best batch
// and tokens, best first: the first is the plan's own. Exact, by the search's own order. Fewer if
// no more are feasible; none without hardware, or where an effective MFU replaces the time model
// and layouts do not differ. `solution` must be feasible.
std::vector<LayoutChoice> FindBestLayouts(const Solution& solution);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_BEST_LAYOUTS_H_
