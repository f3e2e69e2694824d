// SPDX-License-Identifier: Apache-2.0
// Why a question has no answer: a minimal set of constraints in conflict, and the nearest way out
// of each.
#ifndef RHUMB_PLANNER_PLAN_INFEASIBILITY_H_
#define RHUMB_PLANNER_PLAN_INFEASIBILITY_H_

#include <string>
#include <vector>

#include "planner/plan/cost_cache.h"
#include "planner/plan/plan.h"
#include "planner/plan/question.h"

namespace rhumb {

struct Infeasibility {
  // Minimal: together they cannot be met, without any one of them the rest can.
  std::vector<std::string> conflict;
  // One per member of the conflict that has a way out: with `to` in place of `from` and all else
  // unchanged the question is feasible. Found by bisection on real searches and rounded to the
  // loose side.
  std::vector<Relaxation> relaxations;
};

// `question` must be infeasible. Cut short by options.should_stop, the conflict is one but not
// minimal, and relaxations may be missing.
Infeasibility ExplainInfeasibility(const PlanQuestion& question, Objective objective,
                                   const PlanOptions& options, CostCache* costs);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_INFEASIBILITY_H_
