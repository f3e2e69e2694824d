// SPDX-License-Identifier: Apache-2.0
// The continuous optimum of the law under a plan's constraints: how far the realisable plan is from
// the ideal.
#ifndef RHUMB_PLANNER_PLAN_LAW_SIDE_H_
#define RHUMB_PLANNER_PLAN_LAW_SIDE_H_

#include <optional>

#include "planner/plan/plan.h"
#include "planner/plan/question.h"

namespace rhumb {

// Hardware constraints become compute at the plan's MFU over its training time (in the law's
// FLOPs), or at the question's; every GPU of the plan's pool counts. `plan` may be infeasible:
// without an MFU to go by, hardware is then left out. nullopt if the law alone has no answer.
std::optional<LawOptimumSummary> SummariseLawOptimum(const PlanQuestion& question,
                                                     Objective objective, const Plan& plan);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_LAW_SIDE_H_
