// SPDX-License-Identifier: Apache-2.0
// What binds, and what a little more of it buys: each price is the difference of two real searches.
#ifndef RHUMB_PLANNER_PLAN_SENSITIVITY_H_
#define RHUMB_PLANNER_PLAN_SENSITIVITY_H_

#include <optional>
#include <vector>

#include "planner/plan/constraints.h"
#include "planner/plan/plan.h"
#include "planner/plan/solve.h"

namespace rhumb {

// Constraints whose loosening (by kLooseningFraction; GPUs by whole nodes, a target loss by
// kLooseningNats) makes the objective better, with the change of the objective per unit. `solution`
// must be feasible.
inline constexpr double kLooseningFraction = 0.1;
inline constexpr double kLooseningNats = 0.01;
static_assert(1 + kLooseningFraction < kMemorySlack, "loosened memory needs other bounds");
std::vector<Binding> FindBinding(const Solution& solution, Objective objective,
                                 const PlanOptions& options);

// The value a constraint is priced at; nullopt for those that are neither looser nor tighter.
std::optional<double> LoosenedValue(const PlanQuestion& question, Constraint constraint);

// Unit of the objective's value: "nat", "USD", "GPU-hour", "FLOP", "second", "parameter".
const char* UnitOfMetric(Metric metric);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_SENSITIVITY_H_
