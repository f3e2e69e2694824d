// SPDX-License-Identifier: Apache-2.0
// The planner's answer beside that of plain nested loops.
#ifndef RHUMB_TESTS_PLANNER_PLAN_SAME_AS_BRUTE_FORCE_H_
#define RHUMB_TESTS_PLANNER_PLAN_SAME_AS_BRUTE_FORCE_H_

#include "planner/plan/plan.h"
#include "planner/plan/question.h"
#include "tests/planner/plan/brute_force.h"

namespace rhumb::testing_support {

// The answer of the search without the explanations that MakePlan adds.
Plan SearchOnly(const PlanQuestion& question);

// Fails the test where choice, tokens or the number of candidates differ.
BruteForceAnswer ExpectSameAsBruteForce(const PlanQuestion& question);

}  // namespace rhumb::testing_support

#endif  // RHUMB_TESTS_PLANNER_PLAN_SAME_AS_BRUTE_FORCE_H_
