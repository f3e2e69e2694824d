// SPDX-License-Identifier: Apache-2.0
// Questions without an answer: the conflict is minimal, and each way out leads out.
#include "planner/plan/infeasibility.h"

#include <algorithm>
#include <map>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/constraints.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/solve.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::MakePool;
using testing_support::MakeShape;
using testing_support::PlanOf;
using testing_support::SmallQuestion;

Constraint Named(const std::string& name, const PlanQuestion& question) {
  for (const Constraint constraint : ActiveConstraints(question)) {
    if (name == ConstraintName(constraint)) return constraint;
  }
  ADD_FAILURE() << name << " is no constraint of the question";
  return Constraint::kTargetLoss;
}

// The definition of a minimal conflict: with everything else gone its members still cannot all be
// met, and can when any one of them is gone too.
void ExpectMinimalConflict(const PlanQuestion& question, const Plan& plan) {
  ASSERT_FALSE(plan.feasible);
  ASSERT_THAT(plan.conflict, Not(IsEmpty()));
  PlanQuestion only = question;
  only.objective = plan.objective;
  for (const Constraint constraint : ActiveConstraints(question)) {
    const std::string name = ConstraintName(constraint);
    if (std::count(plan.conflict.begin(), plan.conflict.end(), name) == 0) {
      only = WithoutConstraint(std::move(only), constraint);
    }
  }
  EXPECT_FALSE(IsFeasible(only, {})) << "the conflict alone can be met";
  for (const std::string& name : plan.conflict) {
    EXPECT_TRUE(IsFeasible(WithoutConstraint(only, Named(name, question)), {}))
        << "no conflict is left without " << name << ", yet it stays infeasible";
  }
}

// Each relaxation alone, applied to the question as asked, makes MakePlan answer.
void ExpectRelaxationsLeadOut(const PlanQuestion& question, const Plan& plan) {
  EXPECT_THAT(plan.relaxations, Not(IsEmpty()));
  for (const Relaxation& relaxation : plan.relaxations) {
    const Constraint constraint = Named(relaxation.constraint, question);
    PlanQuestion relaxed = WithConstraint(question, constraint, relaxation.to);
    relaxed.objective = plan.objective;
    EXPECT_TRUE(PlanOf(relaxed).feasible) << relaxation.text;
    EXPECT_THAT(plan.conflict, Contains(relaxation.constraint));
  }
}

void ExpectExplained(const PlanQuestion& question) {
  const Plan plan = PlanOf(question);
  ExpectMinimalConflict(question, plan);
  ExpectRelaxationsLeadOut(question, plan);
}

PlanQuestion LossBelowTheFloor() {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds.reset();
  question.architecture.reset();
  question.max_param_count = 1e9;
  question.min_param_count = 8e8;
  question.target_loss_nats = 1.5;  // besiroglu2024: E = 1.8172
  return question;
}

PlanQuestion OneMinute() {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds = 60;
  return question;
}

// 6.7B parameters on one 24 GB card.
PlanQuestion FitsNowhere() {
  PlanQuestion question = SmallQuestion();
  question.architecture = MakeShape(32, 32, 32, 128);
  question.pools = {MakePool("RTX-4090-24GB", 1, 1)};
  return question;
}

PlanQuestion MoneyForNothing() {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds.reset();
  question.pools[0].price_usd_per_gpu_hour = 2;
  question.budget_usd = 0;
  return question;
}

TEST(InfeasibilityTest, ALossBelowTheIrreducibleOneBlamesTheTarget) {
  EXPECT_THAT(PlanOf(LossBelowTheFloor()).conflict, Contains("target_loss_nats"));
}

TEST(InfeasibilityTest, ALossBelowTheIrreducibleOneIsExplained) {
  ExpectExplained(LossBelowTheFloor());
}

TEST(InfeasibilityTest, OneMinuteBlamesTheDeadline) {
  EXPECT_THAT(PlanOf(OneMinute()).conflict, ElementsAre("deadline_seconds"));
}

TEST(InfeasibilityTest, OneMinuteIsExplained) { ExpectExplained(OneMinute()); }

// The start-up takes ten minutes, so the deadline must lie just above them.
TEST(InfeasibilityTest, OneMinuteIsRaisedToTheShortestDeadlineThatWorks) {
  const Plan plan = PlanOf(OneMinute());
  ASSERT_EQ(plan.relaxations.size(), 1u);
  EXPECT_EQ(plan.relaxations[0].from, 60);
  EXPECT_GT(plan.relaxations[0].to, 600);
  EXPECT_LT(plan.relaxations[0].to, 660);
}

// Jobs that would end before the first step, be they ever so many.
PlanQuestion JobsThatOnlyStart() {
  PlanQuestion question = SmallQuestion();
  question.pools[0].max_wall_seconds = 500;
  return question;
}

// What takes two days, in one job of ten hours.
PlanQuestion OneJobOfTenHours() {
  PlanQuestion question = SmallQuestion();
  question.target_loss_nats = PlanOf(question).loss.mean_nats * (1 + 1e-6);
  question.pools[0].max_wall_seconds = 36000;
  question.max_job_count = 1;
  question.deadline_seconds = 3 * 86400;
  return question;
}

TEST(InfeasibilityTest, JobsThatOnlyStartBlameTheirLimit) {
  EXPECT_THAT(PlanOf(JobsThatOnlyStart()).conflict, ElementsAre("max_wall_seconds"));
}

TEST(InfeasibilityTest, JobsThatOnlyStartAreRaisedToThoseThatTrain) {
  const Plan plan = PlanOf(JobsThatOnlyStart());
  ASSERT_EQ(plan.relaxations.size(), 1u);
  EXPECT_GT(plan.relaxations[0].to, 600);
  EXPECT_LT(plan.relaxations[0].to, 660);
}

TEST(InfeasibilityTest, JobsThatOnlyStartAreExplained) { ExpectExplained(JobsThatOnlyStart()); }

TEST(InfeasibilityTest, OneJobThatIsTooShortBlamesItsLimitAndThatThereIsOne) {
  const Plan plan = PlanOf(OneJobOfTenHours());
  EXPECT_THAT(plan.conflict, Contains("max_wall_seconds"));
  EXPECT_THAT(plan.conflict, Contains("max_job_count"));
}

TEST(InfeasibilityTest, OneJobThatIsTooShortIsExplained) { ExpectExplained(OneJobOfTenHours()); }

TEST(InfeasibilityTest, FiveJobsDoWhatOneIsTooShortFor) {
  const Plan plan = PlanOf(OneJobOfTenHours());
  const auto jobs =
      std::find_if(plan.relaxations.begin(), plan.relaxations.end(),
                   [](const Relaxation& each) { return each.constraint == "max_job_count"; });
  ASSERT_NE(jobs, plan.relaxations.end());
  EXPECT_EQ(jobs->to, 5);
  EXPECT_EQ(jobs->text, "raise max_job_count from 1 job to 5 jobs");
}

TEST(InfeasibilityTest, AModelThatFitsNowhereBlamesMemoryAndGpus) {
  EXPECT_THAT(PlanOf(FitsNowhere()).conflict, ElementsAre("gpu_memory", "gpu_count"));
}

TEST(InfeasibilityTest, AModelThatFitsNowhereIsExplained) { ExpectExplained(FitsNowhere()); }

TEST(InfeasibilityTest, MoneyForNothingBlamesTheBudget) {
  EXPECT_THAT(PlanOf(MoneyForNothing()).conflict, ElementsAre("budget_usd"));
}

TEST(InfeasibilityTest, MoneyForNothingIsExplained) { ExpectExplained(MoneyForNothing()); }

TEST(InfeasibilityTest, ATargetThatTheDeadlineDoesNotReachIsExplained) {
  PlanQuestion question = SmallQuestion();
  question.target_loss_nats = 3.0;
  question.deadline_seconds = 1200;
  ExpectExplained(question);
}

TEST(InfeasibilityTest, ALayoutThatDoesNotDivideIsExplained) {
  PlanQuestion question = SmallQuestion();
  question.layout.tensor_parallel_size = 3;  // of 10 heads
  ExpectExplained(question);
}

TEST(InfeasibilityTest, ABatchThatNoLayoutDividesIsExplained) {
  PlanQuestion question = SmallQuestion();
  question.layout.data_parallel_size = 4;
  question.global_batch_tokens = 2048 * 6;
  ExpectExplained(question);
}

TEST(InfeasibilityTest, TooFewUniqueTokensForTheTargetAreExplained) {
  PlanQuestion question = SmallQuestion();
  question.unique_token_count = 1e7;
  question.target_loss_nats = 3.4;
  ExpectExplained(question);
}

TEST(InfeasibilityTest, AServingLimitBelowTheModelIsExplained) {
  PlanQuestion question = SmallQuestion();
  question.serving_memory_bytes = 1e6;
  ExpectExplained(question);
}

// Exact tokens are judged as asked, not as rounded down to whole steps, with hardware as without.
TEST(FixedTokensTest, JustBeyondTheComputeAreInfeasibleWithAndWithoutHardware) {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds.reset();
  question.token_count = 2e9;
  question.compute_flops = 2e9 * 0.9995 *
                           TrainingFlopsPerToken(*question.architecture, FlopsConvention::kSixNd,
                                                 ParamCountConvention::kTotal);
  EXPECT_FALSE(PlanOf(question).feasible);
  ExpectExplained(question);
  question.pools.clear();
  EXPECT_FALSE(PlanOf(question).feasible);
  question.compute_flops = *question.compute_flops / 0.9995;
  EXPECT_TRUE(PlanOf(question).feasible);
}

TEST(RelaxationTest, OfAnExactSizeIsNear) {
  PlanQuestion question = SmallQuestion();
  question.architecture.reset();
  question.vocab_size = 32000;
  question.deadline_seconds.reset();
  question.param_count = 1e9;
  question.token_count = 2e10;
  question.compute_flops = 1.19e20;  // 6ND is 1.2e20
  const Plan plan = PlanOf(question);
  ASSERT_FALSE(plan.feasible);
  for (const Relaxation& relaxation : plan.relaxations) {
    EXPECT_GT(relaxation.to, 0.97 * relaxation.from) << relaxation.text;
    EXPECT_LT(relaxation.to, 1.03 * relaxation.from) << relaxation.text;
  }
  EXPECT_THAT(plan.conflict, ::testing::SizeIs(plan.relaxations.size()));
}

}  // namespace
}  // namespace rhumb
