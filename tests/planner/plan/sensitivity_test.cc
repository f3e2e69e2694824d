// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/sensitivity.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/constraints.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/solve.h"
#include "tests/matchers.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using ::testing::Contains;
using ::testing::Not;
using testing_support::MakePool;
using testing_support::PlanOf;
using testing_support::RandomQuestion;
using testing_support::RelativelyNear;
using testing_support::SmallQuestion;

std::vector<std::string> Names(const Plan& plan) {
  std::vector<std::string> names;
  for (const Binding& binding : plan.binding) names.push_back(binding.constraint);
  return names;
}

double PriceOf(const Plan& plan, const std::string& constraint) {
  for (const Binding& binding : plan.binding) {
    if (binding.constraint == constraint) return binding.shadow_price.value_or(0);
  }
  ADD_FAILURE() << constraint << " does not bind";
  return 0;
}

PlanQuestion PricedQuestion() {
  PlanQuestion question = SmallQuestion();
  question.pools[0].price_usd_per_gpu_hour = 2;
  question.objective = Objective::kCost;
  question.deadline_seconds = 6 * 3600;
  question.target_loss_nats = 3.45;
  return question;
}

// Losses of the plans are at tokens rounded to whole steps, so a difference of 1e-3 nats is good to
// about 1e-4.
TEST(SensitivityTest, PriceOfADeadlineIsTheDifferenceOfTwoPlans) {
  const PlanQuestion question = SmallQuestion();
  PlanQuestion later = question;
  *later.deadline_seconds *= 1.1;
  const Plan plan = PlanOf(question);
  const double difference = PlanOf(later).loss.mean_nats - plan.loss.mean_nats;
  EXPECT_LT(difference, 0);
  EXPECT_THAT(PriceOf(plan, "deadline_seconds") * 0.1 * *question.deadline_seconds,
              RelativelyNear(difference, 0.01));
}

TEST(SensitivityTest, PriceOfATargetIsTheDifferenceOfTwoPlans) {
  const PlanQuestion question = PricedQuestion();
  PlanQuestion easier = question;
  *easier.target_loss_nats += 0.01;
  const Plan plan = PlanOf(question);
  ASSERT_TRUE(plan.feasible);
  const double difference = *PlanOf(easier).cost->total_usd - *plan.cost->total_usd;
  EXPECT_LT(difference, 0);
  EXPECT_THAT(PriceOf(plan, "target_loss_nats") * 0.01, RelativelyNear(difference, 0.01));
}

TEST(SensitivityTest, PriceOfGpusIsTheDifferenceOfAWholeNode) {
  const PlanQuestion question = SmallQuestion();
  PlanQuestion larger = question;
  larger.pools[0].gpu_count = 18;
  const Plan plan = PlanOf(question);
  const double difference = PlanOf(larger).loss.mean_nats - plan.loss.mean_nats;
  EXPECT_THAT(PriceOf(plan, "gpu_count") * 6, RelativelyNear(difference, 0.01));
}

TEST(SensitivityTest, PriceOfUniqueTokensIsTheDifferenceOfTwoPlans) {
  PlanQuestion question = SmallQuestion();
  question.unique_token_count = 2e8;
  question.max_epoch_count = 10;
  PlanQuestion more = question;
  *more.unique_token_count *= 1.1;
  const Plan plan = PlanOf(question);
  const double difference = PlanOf(more).loss.mean_nats - plan.loss.mean_nats;
  EXPECT_THAT(PriceOf(plan, "unique_token_count") * 2e7, RelativelyNear(difference, 0.01));
}

// More GPUs and more memory are priced from what the search of the plan has seen; a search that
// knows nothing of it finds the same.
TEST(SensitivityTest, PricesOfHardwareAreThoseOfSearchesFromScratch) {
  int priced = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    const PlanQuestion question = RandomQuestion(seed);
    const Objective objective = *ResolveObjective(question);
    const Solution solution = Solve(question, objective, {});
    if (!solution.feasible() || question.pools.empty()) continue;
    const double best = solution.result.best->rank.metric;
    const std::vector<Binding> bindings = FindBinding(solution, objective, {});
    for (const Constraint constraint : {Constraint::kGpuCount, Constraint::kGpuMemory}) {
      const double value = ConstraintValue(question, constraint);
      const bool counts_gpus = constraint == Constraint::kGpuCount;
      const std::optional<double> looser = LoosenedValue(question, constraint);
      const Solution fresh =
          SolveVariant(WithConstraint(question, constraint, *looser), objective, {}, {});
      const double change = fresh.result.best->rank.metric - best;
      const auto binding =
          std::find_if(bindings.begin(), bindings.end(), [&](const Binding& candidate) {
            return candidate.constraint == ConstraintName(constraint);
          });
      if (change > -1e-6 * std::abs(best)) {
        if (binding != bindings.end()) {
          EXPECT_LT(std::abs(*binding->shadow_price * (*looser - value)), 2e-6 * std::abs(best));
        }
        continue;
      }
      ++priced;
      ASSERT_NE(binding, bindings.end()) << "seed " << seed << (counts_gpus ? " GPUs" : " memory");
      EXPECT_THAT(*binding->shadow_price * (*looser - value), RelativelyNear(change, 1e-6))
          << "seed " << seed << (counts_gpus ? " GPUs" : " memory");
    }
  }
  EXPECT_GT(priced, 8);
}

TEST(SensitivityTest, PriceOfAJobIsTheDifferenceOfTwoPlans) {
  PlanQuestion question = SmallQuestion();
  question.pools[0].max_wall_seconds = 6 * 3600;
  question.max_job_count = 3;
  PlanQuestion more = question;
  more.max_job_count = 4;
  const Plan plan = PlanOf(question);
  const double difference = PlanOf(more).loss.mean_nats - plan.loss.mean_nats;
  EXPECT_LT(difference, 0);
  EXPECT_THAT(PriceOf(plan, "max_job_count"), RelativelyNear(difference, 0.01));
}

// With as many jobs as it takes, longer ones spare a restart (nine of 5.5 hours do instead of ten
// of five) and no more.
TEST(SensitivityTest, ALimitOfJobsBindsLessThanOneOfTheRun) {
  PlanQuestion question = SmallQuestion();
  question.pools[0].max_wall_seconds = 5 * 3600;
  const double of_chain = PriceOf(PlanOf(question), "max_wall_seconds");
  question.max_job_count = 1;
  const double of_one = PriceOf(PlanOf(question), "max_wall_seconds");
  EXPECT_LT(of_chain, 0);
  EXPECT_LT(of_one, 10 * of_chain);
}

TEST(SensitivityTest, ALimitThatIsNotReachedDoesNotBind) {
  PlanQuestion question = SmallQuestion();
  question.compute_flops = 1e30;
  EXPECT_THAT(Names(PlanOf(question)), Not(Contains("compute_flops")));
}

TEST(SensitivityTest, OnlyTheTighterOfTwoLimitsBinds) {
  PlanQuestion question = SmallQuestion();
  question.gpu_hours = 12 * 10.0;  // of the 576 that the deadline allows
  EXPECT_THAT(Names(PlanOf(question)), Contains("gpu_hours"));
  EXPECT_THAT(Names(PlanOf(question)), Not(Contains("max_epoch_count")));
}

TEST(SensitivityTest, MemoryBindsWhereItForcesASlowerLayout) {
  PlanQuestion question = SmallQuestion();
  question.architecture = testing_support::MakeShape(24, 25, 5, 128);  // 2.3B
  question.pools = {MakePool("RTX-4090-24GB", 6, 6)};
  EXPECT_THAT(Names(PlanOf(question)), Contains("gpu_memory"));
}

TEST(SensitivityTest, AShortDeadlineBindsTheCheapestPlan) {
  PlanQuestion question = PricedQuestion();
  question.deadline_seconds.reset();
  const Plan free = PlanOf(question);
  ASSERT_TRUE(free.feasible);
  question.deadline_seconds = 0.95 * free.time->wall_seconds;
  const Plan hurried = PlanOf(question);
  ASSERT_TRUE(hurried.feasible);
  EXPECT_GT(*hurried.cost->total_usd, *free.cost->total_usd);
  EXPECT_THAT(Names(hurried), Contains("deadline_seconds"));
}

}  // namespace
}  // namespace rhumb
