// SPDX-License-Identifier: Apache-2.0
// What to change of a checked configuration.
#ifndef RHUMB_PLANNER_PLAN_CHECK_ADVICE_H_
#define RHUMB_PLANNER_PLAN_CHECK_ADVICE_H_

#include <vector>

#include "planner/cost/cost_model.h"
#include "planner/plan/check.h"

namespace rhumb {

// On memory, pipeline, rate and nodes of `answer`, whose layout, memory and time are there. A
// directive is what to add to the question; followed, it is valid, and the framework can run it.
std::vector<Advice> AdviseOnLayout(const CheckQuestion& question, const CostModel& cost,
                                   const CheckAnswer& answer);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_CHECK_ADVICE_H_
