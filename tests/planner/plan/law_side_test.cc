// SPDX-License-Identifier: Apache-2.0
// The law's own optimum as plans report it.
#include "planner/plan/law_side.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/laws/catalog.h"
#include "planner/laws/chinchilla.h"
#include "planner/laws/loss_model.h"
#include "tests/matchers.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using testing_support::EmptyQuestion;
using testing_support::PlanOf;
using testing_support::RelativelyNear;
using testing_support::SmallQuestion;

class OnlyComputeTest : public ::testing::TestWithParam<double> {};

// Hoffmann et al. 2022, arXiv:2203.15556, eq. (4): N = G (C/6)^(beta/(alpha+beta)), D = (C/6)/N.
TEST_P(OnlyComputeTest, EqualsTheClosedForms) {
  PlanQuestion question = EmptyQuestion();
  question.compute_flops = GetParam();
  const LawOptimumSummary optimum = PlanOf(question).law_optimum.value();
  const ChinchillaLaw& law = question.law.constants;
  const double sum = law.alpha + law.beta;
  const double g = std::pow(law.alpha * law.a / (law.beta * law.b), 1 / sum);
  const double n = g * std::pow(GetParam() / 6, law.beta / sum);
  const double d = GetParam() / 6 / n;
  EXPECT_THAT(optimum.param_count, RelativelyNear(n, 1e-9));
  EXPECT_THAT(optimum.token_count, RelativelyNear(d, 1e-9));
  EXPECT_THAT(optimum.tokens_per_param, RelativelyNear(d / n, 1e-9));
  EXPECT_THAT(optimum.training_flops, RelativelyNear(GetParam(), 1e-9));
  EXPECT_THAT(optimum.loss_nats, RelativelyNear(ExpectedLoss(law, n, d), 1e-9));
}

INSTANTIATE_TEST_SUITE_P(Budgets, OnlyComputeTest,
                         ::testing::Values(1e18, 1e20, 1e21, 5.76e23, 3.8e25, 1e27));

TEST(LawSideTest, PureLawPlanHasNoHardware) {
  PlanQuestion question = EmptyQuestion();
  question.compute_flops = 1e21;
  const Plan plan = PlanOf(question);
  EXPECT_FALSE(plan.allocation || plan.layout || plan.memory || plan.time);
}

// Two pools of one type: the law must be told of the GPUs and the price of the pool that was
// chosen.
TEST(LawSideTest, CountsThePoolOfThePlan) {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds = 5 * 86400.0;
  question.pools = {testing_support::MakePool("H100-SXM5-80GB", 8, 8),
                    testing_support::MakePool("H100-SXM5-80GB", 64, 8)};
  question.pools[0].price_usd_per_gpu_hour = 9;
  question.pools[1].price_usd_per_gpu_hour = 2;
  const Plan plan = PlanOf(question);
  ASSERT_EQ(plan.allocation->gpu_count, 64);
  EXPECT_THAT(plan.law_optimum->gpu_hours.value(), RelativelyNear(5 * 24 * 64.0, 1e-9));
  EXPECT_THAT(plan.law_optimum->cost_usd.value(), RelativelyNear(5 * 24 * 64.0 * 2, 1e-9));
}

TEST(LawSideTest, KnowsThePartitionLimitAndThePowerCap) {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds = 30 * 86400.0;
  question.pools = {testing_support::MakePool("H100-SXM5-80GB", 64, 8)};
  question.pools[0].max_wall_seconds = 86400;
  question.max_job_count = 1;
  EXPECT_THAT(PlanOf(question).law_optimum->gpu_hours.value(), RelativelyNear(24 * 64.0, 1e-9));
  question.max_power_watts = 8 * question.pools[0].gpu.board_watts;
  EXPECT_THAT(PlanOf(question).law_optimum->gpu_hours.value(), RelativelyNear(24 * 8.0, 1e-9));
  question.max_job_count = 3;
  EXPECT_THAT(PlanOf(question).law_optimum->gpu_hours.value(), RelativelyNear(3 * 24 * 8.0, 1e-9));
}

TEST(LawSideTest, RealisablePlanIsNoBetterThanTheLawAlone) {
  PlanQuestion question = EmptyQuestion();
  question.compute_flops = 1e21;
  const Plan plan = PlanOf(question);
  EXPECT_GE(plan.loss.mean_nats, plan.law_optimum->loss_nats * (1 - 1e-12));
  EXPECT_LE(plan.loss.mean_nats, plan.law_optimum->loss_nats * (1 + 2e-4));
}

TEST(LawSideTest, FlatRegionHoldsWhatItsShareSays) {
  PlanQuestion question = EmptyQuestion();
  question.compute_flops = 1e22;
  const LawOptimumSummary optimum = PlanOf(question).law_optimum.value();
  const auto loss = [&](double n) {
    return ExpectedLoss(question.law.constants, n, 1e22 / 6 / n) / optimum.loss_nats - 1;
  };
  EXPECT_THAT(loss(optimum.param_count_low_0p1pct), RelativelyNear(1e-3, 1e-6));
  EXPECT_THAT(loss(optimum.param_count_high_0p1pct), RelativelyNear(1e-3, 1e-6));
  EXPECT_THAT(loss(optimum.param_count_low_1pct), RelativelyNear(1e-2, 1e-6));
  EXPECT_THAT(loss(optimum.param_count_high_1pct), RelativelyNear(1e-2, 1e-6));
}

// With an effective MFU, 1,000 GPU-hours are 1000 x 3600 x peak x MFU FLOP.
TEST(LawSideTest, GpuHoursAreComputeAtTheEffectiveMfu) {
  PlanQuestion question = EmptyQuestion();
  GpuPool pool;
  pool.gpu = FindGpu("H100-SXM5-80GB").value();
  question.gpu_without_count = pool;
  question.gpu_hours = 1000;
  question.mfu = 0.4;
  const double flops = 1000 * 3600 * *pool.gpu.peak_bf16_flops_per_second * 0.4;
  const LawOptimumSummary optimum = PlanOf(question).law_optimum.value();
  EXPECT_THAT(optimum.training_flops, RelativelyNear(flops, 1e-9));
  EXPECT_THAT(optimum.param_count,
              RelativelyNear(OptimumForCompute(question.law.constants, flops).param_count, 1e-9));
  EXPECT_THAT(optimum.gpu_hours.value(), RelativelyNear(1000, 1e-9));
}

TEST(LawSideTest, TargetLossAloneIsMetAtLeastCompute) {
  PlanQuestion question = EmptyQuestion();
  question.target_loss_nats = 2.2;
  const Plan plan = PlanOf(question);
  const FrontierPoint frontier = OptimumForLoss(question.law.constants, 2.2).value();
  EXPECT_EQ(plan.objective, Objective::kCost);
  EXPECT_THAT(plan.law_optimum->param_count, RelativelyNear(frontier.param_count, 1e-6));
  EXPECT_THAT(plan.law_optimum->training_flops, RelativelyNear(frontier.training_flops, 1e-9));
  EXPECT_LE(plan.loss.mean_nats, 2.2 * (1 + 1e-9));
}

TEST(LawSideTest, AnotherConventionOfTheSameBoundsChangesNoPlan) {
  PlanQuestion total = SmallQuestion();
  total.param_count_convention = ParamCountConvention::kTotal;
  total.max_param_count = ParamCount(*total.architecture, ParamCountConvention::kTotal);
  PlanQuestion without = SmallQuestion();
  without.param_count_convention = ParamCountConvention::kNonEmbedding;
  without.max_param_count = ParamCount(*total.architecture, ParamCountConvention::kNonEmbedding);
  ASSERT_TRUE(PlanOf(total).feasible);
  EXPECT_EQ(testing_support::Choice(PlanOf(total)), testing_support::Choice(PlanOf(without)));
}

}  // namespace
}  // namespace rhumb
