// SPDX-License-Identifier: Apache-2.0
#include "tests/planner/plan/same_as_brute_force.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/assemble.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/problem.h"
#include "planner/plan/solve.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb::testing_support {
namespace {

// The answer of the loops in the form of a plan, so that both print alike.
Plan ToPlan(const BruteForceAnswer& answer, const PlanQuestion& question) {
  Plan plan;
  plan.feasible = answer.feasible;
  if (!answer.feasible) return plan;
  plan.model = answer.model;
  plan.batch.global_batch_tokens = answer.global_batch_tokens;
  plan.batch.step_count = question.done_step_count + answer.step_count;
  plan.token_count = std::llround(question.done_token_count) + answer.token_count;
  if (question.pools.empty()) return plan;
  const GpuPool& pool = question.pools[static_cast<size_t>(answer.pool_index)];
  plan.allocation.emplace();
  plan.allocation->cluster = pool.cluster;
  plan.allocation->gpu_type = pool.gpu.id;
  plan.allocation->gpu_count = answer.gpu_count;
  plan.layout = answer.layout;
  plan.gradient_accumulation_steps = answer.micro_batches;
  return plan;
}

}  // namespace

Plan SearchOnly(const PlanQuestion& question) {
  const Solution solution = Solve(question, *ResolveObjective(question), {});
  Plan plan;
  if (solution.feasible()) plan = AssembleChoice(solution);
  plan.search = solution.result.summary;
  return plan;
}

BruteForceAnswer ExpectSameAsBruteForce(const PlanQuestion& question) {
  EXPECT_THAT(ValidateQuestion(question), ::testing::IsEmpty());
  const BruteForceAnswer answer = SolveByBruteForce(question, *ResolveObjective(question));
  const Plan plan = answer.feasible ? PlanOf(question) : SearchOnly(question);
  EXPECT_EQ(Choice(plan), Choice(ToPlan(answer, question)));
  EXPECT_EQ(plan.search.evaluated_count + plan.search.pruned_count, answer.candidate_count);
  EXPECT_EQ(plan.search.candidate_count, answer.candidate_count);
  EXPECT_TRUE(plan.search.complete);
  return answer;
}

}  // namespace rhumb::testing_support
