// SPDX-License-Identifier: Apache-2.0
// The pruned search against plain nested loops.
#include "planner/plan/search.h"

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>

#include "absl/strings/numbers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/loss_model.h"
#include "planner/plan/assemble.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/problem.h"
#include "planner/plan/solve.h"
#include "tests/planner/plan/brute_force.h"
#include "tests/planner/plan/question_fixtures.h"
#include "tests/planner/plan/same_as_brute_force.h"

namespace rhumb {
namespace {

using testing_support::BruteForceAnswer;
using testing_support::Choice;
using testing_support::ExpectSameAsBruteForce;
using testing_support::PlanOf;
using testing_support::RandomQuestion;
using testing_support::SearchOnly;
using testing_support::SmallQuestion;
using testing_support::SmallShape;

PlanQuestion WithMoreMemory(PlanQuestion question) {
  if (question.max_memory_bytes) *question.max_memory_bytes *= 4;
  for (GpuPool& pool : question.pools) pool.gpu.memory_bytes *= 4;
  return question;
}

PlanQuestion WithMoreTimeAndMoney(PlanQuestion question) {
  for (std::optional<double>* limit :
       {&question.deadline_seconds, &question.gpu_hours, &question.budget_usd}) {
    if (limit->has_value()) **limit *= 1.5;
  }
  for (GpuPool& pool : question.pools) {
    if (pool.max_wall_seconds) *pool.max_wall_seconds *= 1.5;
  }
  return question;
}

// Fifty spaces, or as many as RHUMB_RANDOM_SPACES says.
int SpaceCount() {
  int count = 50;
  const char* asked = std::getenv("RHUMB_RANDOM_SPACES");
  if (asked != nullptr && !absl::SimpleAtoi(asked, &count)) ADD_FAILURE() << asked;
  return count;
}

// In one test, because the shares that bind are a property of all of them together.
TEST(SearchTest, EqualsBruteForceOnRandomSpaces) {
  const int space_count = SpaceCount();
  int feasible = 0, bound_by_memory = 0, bound_by_time_or_money = 0, chained = 0;
  int64_t candidates = 0, batches = 0, evaluated = 0;
  for (uint64_t seed = 0; seed < static_cast<uint64_t>(space_count); ++seed) {
    SCOPED_TRACE(seed);
    const PlanQuestion question = RandomQuestion(seed);
    const BruteForceAnswer answer = ExpectSameAsBruteForce(question);
    EXPECT_GE(answer.candidate_count, 100);
    const Plan plan = SearchOnly(question);
    feasible += plan.feasible;
    chained += plan.feasible && plan.time->job_count > 1;
    candidates += answer.candidate_count;
    batches += answer.batch_count;
    evaluated += plan.search.evaluated_count;
    bound_by_memory += Choice(plan) != Choice(SearchOnly(WithMoreMemory(question)));
    bound_by_time_or_money += Choice(plan) != Choice(SearchOnly(WithMoreTimeAndMoney(question)));
  }
  std::cout << space_count << " spaces, " << candidates << " candidates, " << batches
            << " batches enumerated, " << evaluated << " candidates evaluated by the search; "
            << feasible << " feasible, " << bound_by_memory << " bound by memory, "
            << bound_by_time_or_money << " by time or money, " << chained
            << " in a chain of jobs\n";
  EXPECT_GE(feasible, space_count * 7 / 10);
  EXPECT_GE(bound_by_memory, space_count * 3 / 10);
  EXPECT_GE(bound_by_time_or_money, space_count * 3 / 10);
  EXPECT_GE(chained, space_count / 10);
}

// Runs of many jobs, where the last one hardly pays: the wall time steps where a job is added.
TEST(SearchTest, EqualsBruteForceInChainsOfJobs) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    testing_support::Dice dice(seed);
    PlanQuestion question = SmallQuestion();
    question.objective =
        dice.Pick({Objective::kLoss, Objective::kLoss, Objective::kCost, Objective::kTime});
    question.pools.push_back(testing_support::MakePool("A100-SXM4-40GB", 6, 6));
    testing_support::NamePools(question);
    for (GpuPool& pool : question.pools) {
      pool.price_usd_per_gpu_hour = dice.Pick({1.5, 2.0});
      pool.max_wall_seconds = dice.LogUniform(602, 20000);
    }
    const double limit = *question.pools[0].max_wall_seconds;
    // A few seconds before and behind the end of a job.
    question.deadline_seconds = limit * static_cast<double>(1 + dice.Roll() % 20) +
                                dice.Pick({-300.0, -1.0, 0.0, 1.0, 590.0, 605.0, 700.0});
    if (dice.Chance(0.3)) question.max_job_count = dice.Pick<int64_t>({1, 2, 5, 9});
    if (question.objective != Objective::kLoss) {
      const double tokens = *question.noise_scale_tokens * dice.Uniform(50, 6000);
      question.target_loss_nats = PredictLoss(
          question.law, static_cast<double>(CountParams(SmallShape()).total), {tokens, {}, 1});
    } else if (dice.Chance(0.3)) {
      question.unique_token_count = dice.LogUniform(2e5, 5e6);
      question.max_epoch_count = 1e6;
    } else if (dice.Chance(0.3)) {
      question.token_count = *question.noise_scale_tokens * dice.Uniform(50, 3000);
    }
    ExpectSameAsBruteForce(question);
  }
}

// Constants that are out of the ordinary in every direction: the bounds of the search must hold for
// any of them.
TEST(SearchTest, EqualsBruteForceWithCalibratedConstants) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    PlanQuestion question = RandomQuestion(seed);
    TimeCalibration calibration = {.name = "calibrations/odd", .version = 1, .families = {}};
    for (const GpuPool& pool : question.pools) {
      if (FindFamily(&calibration, pool.gpu.family) != nullptr) continue;
      CalibratedFamily family;
      family.constants = TimeConstantsOf(pool.gpu.family);
      family.constants.gemm_16bit_fraction *= seed % 2 == 0 ? 0.3 : 1.2;
      family.constants.scale_up_fraction = seed % 3 == 0 ? 0.1 : 1;
      family.constants.network_fraction = seed % 3 == 1 ? 0.1 : 1;
      family.constants.data_parallel_overlap = seed % 4 < 2 ? 1 : 0.1;
      family.constants.memory_fraction = 0.3;
      calibration.families.push_back(family);
    }
    question.calibration = std::make_shared<const TimeCalibration>(calibration);
    ExpectSameAsBruteForce(question);
  }
}

// Each has layouts that others lack.
TEST(SearchTest, EqualsBruteForceUnderEveryFramework) {
  uint64_t seed = 100;
  for (const FrameworkProfile& framework : FrameworkProfiles()) {
    SCOPED_TRACE(framework.name);
    PlanQuestion question = RandomQuestion(++seed);
    question.framework = framework;
    question.layout = {};
    ExpectSameAsBruteForce(question);
  }
}

// With an effective MFU a step's time is proportional to its tokens, so every layout and most
// batches tie.
TEST(SearchTest, BreaksTiesAsBruteForceDoes) {
  PlanQuestion question = SmallQuestion();
  question.mfu = 0.4;
  question.pools.push_back(testing_support::MakePool("A100-SXM4-40GB", 6, 6));
  testing_support::NamePools(question);
  for (GpuPool& pool : question.pools) pool.price_usd_per_gpu_hour = 1.5;
  question.objective = Objective::kCost;
  question.target_loss_nats = 3.3;
  ExpectSameAsBruteForce(question);
}

TEST(SearchTest, EqualsBruteForceWithoutHardware) {
  PlanQuestion question = testing_support::EmptyQuestion();
  question.compute_flops = 3e20;
  question.noise_scale_tokens = 1e6;
  ExpectSameAsBruteForce(question);
}

TEST(SearchTest, EqualsBruteForceUnderTheDefaultBatchRule) {
  PlanQuestion question = SmallQuestion();
  question.noise_scale_tokens.reset();
  ExpectSameAsBruteForce(question);
}

// Rounding to whole steps then decides what is feasible: 9 steps meet the token limit where 4 of
// twice the size do not.
TEST(SearchTest, EqualsBruteForceWhenARunHasFewSteps) {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    testing_support::Dice dice(seed);
    PlanQuestion question = SmallQuestion();
    question.pools[0].gpu_count = 6;
    question.objective = dice.Pick({Objective::kCost, Objective::kTime});
    const double tokens = *question.noise_scale_tokens * dice.Uniform(4, 40);
    question.target_loss_nats = PredictLoss(
        question.law, static_cast<double>(CountParams(SmallShape()).total), {tokens, {}, 1});
    question.token_count = tokens * dice.Uniform(1, 1.3);
    ExpectSameAsBruteForce(question);
  }
}

// Exact tokens and a limit within a step of them: bounds and evaluation must judge alike.
TEST(SearchTest, EqualsBruteForceForExactTokensNearALimit) {
  const double flops_per_token =
      TrainingFlopsPerToken(SmallShape(), FlopsConvention::kSixNd, ParamCountConvention::kTotal);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    testing_support::Dice dice(seed);
    PlanQuestion question = SmallQuestion();
    question.pools[0].gpu_count = 6;
    question.objective = dice.Pick({Objective::kLoss, Objective::kCost});
    question.token_count = *question.noise_scale_tokens * dice.Uniform(4, 40);
    question.compute_flops = *question.token_count * flops_per_token * dice.Uniform(0.98, 1.02);
    ExpectSameAsBruteForce(question);
  }
}

// So few tokens that the loss leaves room for hardly any batch, or for none.
TEST(SearchTest, EqualsBruteForceForSoFewTokensThatNoBatchMayBeLarge) {
  int feasible = 0;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    testing_support::Dice dice(seed);
    PlanQuestion question = SmallQuestion();
    question.noise_scale_tokens.reset();
    question.objective = dice.Pick({Objective::kLoss, Objective::kCost, Objective::kTime});
    question.token_count = dice.LogUniform(3e5, 3e7);
    ExpectSameAsBruteForce(question);
    feasible += PlanOf(question).feasible;
  }
  EXPECT_GT(feasible, 10);
  EXPECT_LT(feasible, 35);
}

TEST(SearchTest, OneStepThatNoLossIsConsistentWithIsNoPlan) {
  PlanQuestion question = SmallQuestion();
  question.noise_scale_tokens.reset();
  question.token_count = 1e6;
  question.global_batch_tokens = 524288;
  EXPECT_FALSE(ExpectSameAsBruteForce(question).feasible);
}

// After hundreds of epochs another token changes no digit of the loss: places that reach the same
// loss with fewer tokens are cheaper.
TEST(SearchTest, EqualsBruteForceWhereRepeatingGainsNothingMore) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(seed);
    testing_support::Dice dice(seed);
    PlanQuestion question = SmallQuestion();
    question.unique_token_count = dice.LogUniform(2e5, 5e6);
    question.max_epoch_count = 1e6;
    question.deadline_seconds = dice.LogUniform(2e4, 4e5);
    question.pools[0].price_usd_per_gpu_hour = 2;
    question.pools.insert(question.pools.begin(),
                          testing_support::MakePool("A100-SXM4-40GB", 2, 2));
    question.pools[0].price_usd_per_gpu_hour = dice.Uniform(2, 4);
    testing_support::NamePools(question);
    ExpectSameAsBruteForce(question);
  }
}

// The fastest batch may need more tokens than there are, where a smaller one does not.
TEST(SearchTest, EqualsBruteForceForATargetUnderATokenLimit) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    testing_support::Dice dice(seed);
    PlanQuestion question = SmallQuestion();
    question.deadline_seconds.reset();
    question.pools[0].gpu_count = 6;
    question.pools[0].inter_node_bytes_per_second_per_gpu = 1e9;
    question.objective = dice.Pick({Objective::kTime, Objective::kCost});
    const double tokens = *question.noise_scale_tokens * dice.Uniform(500, 3000);
    question.target_loss_nats = PredictLoss(
        question.law, static_cast<double>(CountParams(SmallShape()).total), {tokens, {}, 1});
    question.token_count = tokens * dice.Uniform(1, 1.6);
    ExpectSameAsBruteForce(question);
  }
}

}  // namespace
}  // namespace rhumb
