// SPDX-License-Identifier: Apache-2.0
// The one entry to planning: question in, plan out. Pure and deterministic.
#ifndef RHUMB_PLANNER_PLAN_MAKE_PLAN_H_
#define RHUMB_PLANNER_PLAN_MAKE_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/plan/plan.h"
#include "planner/plan/question.h"

namespace rhumb {

// To be raised whenever code changes what a question is answered, or stored plans would outlive it;
// changed figures of the catalogues are noticed without (daemon/identity.cc).
inline constexpr char kPlannerVersion[] = "0.3.0";

// One thing wrong with a question: the request field and what is allowed.
struct FieldViolation {
  std::string field, description;
};

// What makes a question meaningless as a whole: nothing bounds the training, a budget without a
// price, contradicting bounds, an unknown precision on a GPU, a batch that is no multiple of the
// sequence. Ranges of single numbers included. Empty: MakePlan will answer.
std::vector<FieldViolation> ValidateQuestion(const PlanQuestion& question);

// Solves the joint problem exactly over its declared search space (docs/equations.md). `question`
// must be valid. Infeasible is an answer: Plan.feasible = false with a minimal conflict and
// relaxations. INVALID_ARGUMENT only for what ValidateQuestion reports.
absl::StatusOr<Plan> MakePlan(const PlanQuestion& question, const PlanOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_PLAN_MAKE_PLAN_H_
