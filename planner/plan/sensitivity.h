// SPDX-License-Identifier: Apache-2.0
// What binds, and what a little more of it buys: each price is the difference of two real searches.
#ifndef RHUMB_PLANNER_PLAN_SENSITIVITY_H_
#define RHUMB_PLANNER_PLAN_SENSITIVITY_H_

#include <vector>

#include "planner/plan/plan.h"
#include "planner/plan/solve.h"

namespace rhumb {

// Constraints whose loosening (by kLooseningFraction; GPUs by whole nodes, a target loss by
// kLooseningNats) makes the objective better, with the change of the objective per unit. `solution`
// must be feasible.
inline constexpr double kLooseningFraction = 0.1;
inline constexpr double kLooseningNats = 0.01;
std::vector<Binding> FindBinding(const Solution& solution, Objective objective,
                                 const PlanOptions& options);

// Unit of the objective's value: "nat", "USD", "GPU-hour", "FLOP", "second", "parameter".
const char* UnitOfMetric(Metric metric);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_SENSITIVITY_H_
