// SPDX-License-Identifier: Apache-2.0
// The best layouts of a plan against every layout there is.
#include "planner/plan/best_layouts.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/make_plan.h"
#include "tests/planner/plan/brute_force.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using testing_support::EmptyQuestion;
using testing_support::LayoutsByBruteForce;
using testing_support::PlanOf;
using testing_support::RandomQuestion;
using testing_support::SmallQuestion;

std::string NameOf(const Layout& l) {
  return absl::StrCat("t", l.tensor_parallel_size, " p", l.pipeline_parallel_size, " c",
                      l.context_parallel_size, " e", l.expert_parallel_size, " d",
                      l.data_parallel_size, " z", l.zero_stage, " b", l.micro_batch_size, " r",
                      static_cast<int>(l.recompute), " v", l.virtual_pipeline_stages);
}

std::vector<std::string> NamesOf(const std::vector<LayoutChoice>& choices) {
  std::vector<std::string> names;
  for (const LayoutChoice& choice : choices) names.push_back(NameOf(choice.layout));
  return names;
}

// Evaluates every layout of the solution's model at its place and sorts them.
std::vector<std::string> BestByEvaluatingAll(const Solution& solution) {
  const Problem& problem = *solution.problem;
  const Candidate& best = *solution.result.best;
  const Size& size = problem.sizes()[static_cast<size_t>(best.size_index)];
  const CostModel& cost = solution.costs->Of(size, best.place.pool_index).model;
  std::vector<Candidate> all;
  for (const Layout& layout :
       LayoutsByBruteForce(size.shape, best.place.gpu_count, problem.question())) {
    const std::optional<Candidate> candidate = EvaluateCandidate(
        problem, best.size_index, problem.At(size, best.place), cost, best.place, layout);
    if (candidate.has_value()) all.push_back(*candidate);
  }
  std::sort(all.begin(), all.end(), Better);
  std::vector<std::string> names;
  for (const Candidate& candidate : all) {
    if (names.size() < kBestLayouts) names.push_back(NameOf(candidate.layout));
  }
  return names;
}

TEST(BestLayoutsTest, AreTheBestOfAllThereAre) {
  int compared = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const PlanQuestion question = RandomQuestion(seed);
    if (question.mfu.has_value()) continue;
    const Solution solution = Solve(question, *ResolveObjective(question), {});
    if (!solution.feasible()) continue;
    ++compared;
    EXPECT_EQ(NamesOf(FindBestLayouts(solution)), BestByEvaluatingAll(solution));
  }
  EXPECT_GE(compared, 20);
}

TEST(BestLayoutsTest, TheFirstIsThePlansOwn) {
  const Plan plan = PlanOf(SmallQuestion());
  ASSERT_FALSE(plan.best_layouts.empty());
  const LayoutChoice& first = plan.best_layouts.front();
  EXPECT_EQ(NameOf(first.layout), NameOf(*plan.layout));
  EXPECT_EQ(first.gradient_accumulation_steps, plan.gradient_accumulation_steps);
  EXPECT_EQ(first.global_batch_tokens, plan.batch.global_batch_tokens);
  EXPECT_EQ(first.token_count, plan.token_count);
  EXPECT_DOUBLE_EQ(first.loss_nats, plan.loss.mean_nats);
  EXPECT_DOUBLE_EQ(first.step_seconds, plan.time->step_seconds);
  EXPECT_DOUBLE_EQ(first.wall_seconds, plan.time->wall_seconds);
  EXPECT_DOUBLE_EQ(first.mfu, plan.time->mfu);
  EXPECT_DOUBLE_EQ(first.peak_bytes, plan.memory->peak_bytes);
}

TEST(BestLayoutsTest, CausesAddUpToTheStep) {
  for (const LayoutChoice& choice : PlanOf(SmallQuestion()).best_layouts) {
    const StepTimeBreakdown& step = choice.step_breakdown;
    EXPECT_NEAR(step.compute_seconds + step.tensor_parallel_seconds +
                    step.context_parallel_seconds + step.expert_parallel_seconds +
                    step.pipeline_bubble_seconds + step.pipeline_communication_seconds +
                    step.data_parallel_seconds + step.optimizer_seconds + step.other_seconds,
                choice.step_seconds, 1e-9 * choice.step_seconds);
  }
}

TEST(BestLayoutsTest, OneLayoutThatIsAskedForIsAllThereIs) {
  PlanQuestion question = SmallQuestion();
  question.pools[0].gpu_count = 1;
  question.layout.micro_batch_size = 1;
  question.layout.recompute = Recompute::kFull;
  EXPECT_THAT(PlanOf(question).best_layouts, ::testing::SizeIs(1));
}

TEST(BestLayoutsTest, ThereAreNoneWithoutHardwareOrWithAnEffectiveMfu) {
  PlanQuestion question = SmallQuestion();
  question.mfu = 0.4;
  EXPECT_THAT(PlanOf(question).best_layouts, ::testing::IsEmpty());
  question = EmptyQuestion();
  question.compute_flops = 1e20;
  EXPECT_THAT(PlanOf(question).best_layouts, ::testing::IsEmpty());
}

}  // namespace
}  // namespace rhumb
