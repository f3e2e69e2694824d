// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/batch_choice.h"

#include <cmath>
#include <optional>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/plan/candidate.h"
#include "tests/matchers.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using testing_support::RelativelyNear;
using testing_support::SmallQuestion;

// One size at one place of a question, with a step of `fixed` + m x `per_micro_batch` seconds and 4
// sequences each.
struct Setting {
  Setting(PlanQuestion q, Metric metric, double fixed, double per_micro_batch)
      : question(std::move(q)), problem(question, metric) {
    at = problem.At(size(), problem.PlacesOf(0).back());
    space.step = {fixed, per_micro_batch};
    space.sequences_per_micro_batch = 4;
    space.sequence_length = 2048;
  }

  const Size& size() const { return problem.sizes().front(); }
  std::optional<BatchChoice> Choose() const { return ChooseBatch(problem, size(), at, space); }

  // Every m up to the memory limit or 4 B_crit of the noise scale.
  std::optional<BatchChoice> ChooseByLoop() const {
    const double cap = 4 * *question.noise_scale_tokens;
    std::optional<BatchChoice> best;
    for (int64_t m = space.micro_batch_multiple; m <= space.max_micro_batches;
         m += space.micro_batch_multiple) {
      if (static_cast<double>(m * 4 * 2048) > cap) break;
      const std::optional<BatchChoice> choice = EvaluateBatch(problem, size(), at, space, m);
      if (!choice.has_value()) continue;
      if (!best.has_value() || Value(*choice) <= Value(*best)) best = choice;
    }
    return best;
  }

  double Value(const BatchChoice& choice) const {
    switch (problem.metric()) {
      case Metric::kLoss:
        return Quantize(choice.loss.loss_nats);
      case Metric::kFlops:
      case Metric::kLifetimeFlops:
        return Quantize(choice.token_count);
      default:
        return Quantize(choice.wall_seconds);
    }
  }

  PlanQuestion question;
  Problem problem;
  SizeAtPlace at;
  BatchSpace space;
};

void ExpectSameAsLoop(const Setting& setting) {
  const std::optional<BatchChoice> choice = setting.Choose();
  const std::optional<BatchChoice> loop = setting.ChooseByLoop();
  ASSERT_EQ(choice.has_value(), loop.has_value());
  if (!loop.has_value()) return;
  EXPECT_EQ(choice->micro_batches, loop->micro_batches);
  EXPECT_EQ(choice->step_count, loop->step_count);
}

PlanQuestion Targeted() {
  PlanQuestion question = SmallQuestion();
  question.target_loss_nats = 3.6;
  return question;
}

TEST(ChooseBatchTest, LeastLossIsThatOfALoopOverAllAccumulations) {
  ExpectSameAsLoop(Setting(SmallQuestion(), Metric::kLoss, 0.05, 0.02));
}

TEST(ChooseBatchTest, LeastLossWithoutFixedSecondsIsThatOfTheLoop) {
  ExpectSameAsLoop(Setting(SmallQuestion(), Metric::kLoss, 0, 0.02));
}

TEST(ChooseBatchTest, LeastLossWithSlowSynchronisationIsThatOfTheLoop) {
  const Setting setting(SmallQuestion(), Metric::kLoss, 5, 0.02);
  ExpectSameAsLoop(setting);
  // Amortising 5 s is worth a batch with overhead: above the assumed reference of 0.2 B_crit.
  EXPECT_GT(setting.Choose()->loss.token_overhead, 1);
}

TEST(ChooseBatchTest, LeastWallTimeIsThatOfTheLoop) {
  ExpectSameAsLoop(Setting(Targeted(), Metric::kWall, 0.3, 0.02));
}

TEST(ChooseBatchTest, FewestTokensAreThoseOfTheLoop) {
  const Setting setting(Targeted(), Metric::kLifetimeFlops, 0.3, 0.02);
  ExpectSameAsLoop(setting);
  EXPECT_EQ(setting.Choose()->loss.token_overhead, 1);
}

TEST(ChooseBatchTest, InterleavedStagesGetWholeRounds) {
  Setting setting(SmallQuestion(), Metric::kLoss, 0.5, 0.02);
  setting.space.micro_batch_multiple = 5;
  ExpectSameAsLoop(setting);
  EXPECT_EQ(setting.Choose()->micro_batches % 5, 0);
}

TEST(ChooseBatchTest, MemoryLimitsTheAccumulation) {
  Setting setting(SmallQuestion(), Metric::kLoss, 5, 0.02);
  setting.space.max_micro_batches = 3;
  ExpectSameAsLoop(setting);
  EXPECT_EQ(setting.Choose()->micro_batches, 3);
}

TEST(ChooseBatchTest, TakesALargerBatchThanTheFewestTokensNeedWhenOnlyThatIsFastEnough) {
  Setting free(Targeted(), Metric::kLifetimeFlops, 1, 0.02);
  Setting fastest(Targeted(), Metric::kWall, 1, 0.02);
  const double slow = free.Choose()->wall_seconds;
  const double fast = fastest.Choose()->wall_seconds;
  ASSERT_LT(fast, 0.99 * slow);
  PlanQuestion hurried = Targeted();
  hurried.deadline_seconds = (slow + fast) / 2;
  const Setting setting(hurried, Metric::kLifetimeFlops, 1, 0.02);
  ExpectSameAsLoop(setting);
  EXPECT_GT(setting.Choose()->micro_batches, free.Choose()->micro_batches);
}

TEST(ChooseBatchTest, NothingIsChosenWhenTheDeadlineEndsBeforeTheFirstStep) {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds = 600.5;  // start-up alone takes 600 s
  const Setting setting(question, Metric::kLoss, 2, 1);
  EXPECT_FALSE(setting.Choose().has_value());
}

TEST(ChooseBatchTest, AFixedBatchIsTheOnlyOneTried) {
  Setting setting(SmallQuestion(), Metric::kLoss, 0.5, 0.02);
  setting.space.fixed_micro_batches = 7;
  EXPECT_EQ(setting.Choose()->micro_batches, 7);
}

// 4 B_crit, as the joint problem declares; 256Ki tokens of noise scale are 32 micro-batches of 4 x
// 2048 tokens.
TEST(ChooseBatchTest, NoBatchExceedsFourTimesTheCriticalOne) {
  const Setting setting(SmallQuestion(), Metric::kLoss, 1e4, 0.001);
  ASSERT_TRUE(setting.Choose().has_value());
  EXPECT_LE(setting.Choose()->micro_batches, 4 * 32);
  EXPECT_FALSE(
      EvaluateBatch(setting.problem, setting.size(), setting.at, setting.space, 4 * 32 + 1));
}

TEST(ChooseBatchTest, WholeStepsNeverSpendMoreThanTheDeadline) {
  const Setting setting(SmallQuestion(), Metric::kLoss, 0.05, 0.02);
  const BatchChoice choice = setting.Choose().value();
  const double train =
      static_cast<double>(choice.step_count) * setting.space.step.StepSeconds(choice.micro_batches);
  EXPECT_LE(setting.at.overheads.WallSeconds(train),
            *setting.question.deadline_seconds * (1 + 1e-9));
  EXPECT_GT(setting.at.overheads.WallSeconds(
                train + 1.001 * setting.space.step.StepSeconds(choice.micro_batches)),
            *setting.question.deadline_seconds);
}

// Limits just above what the best batch needs, over runs of more than 4,096 steps: whether a batch
// is feasible there, rounding to whole steps decides.
TEST(ChooseBatchTest, NeighboursAreTriedWhereRoundingAloneForbidsTheBestBatch) {
  std::mt19937_64 random(7);
  const auto between = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  int decided_by_rounding = 0;
  for (int i = 0; i < 1000; ++i) {
    PlanQuestion question = SmallQuestion();
    question.target_loss_nats = between(3.2, 3.7);
    question.noise_scale_tokens = 8192 * std::exp(between(std::log(4), std::log(64)));
    const Metric metrics[] = {Metric::kWall, Metric::kLifetimeFlops, Metric::kFlops};
    const Metric metric = metrics[i % 3];
    const double fixed = i % 4 == 0 ? 0 : between(0, 0.3), per_micro_batch = between(0.005, 0.03);
    const Setting free(question, metric, fixed, per_micro_batch);
    const std::optional<BatchChoice> best = free.Choose();
    if (!best.has_value() || best->step_count < 4096) continue;
    const double step = 1.0 / static_cast<double>(best->step_count);
    if (i % 2 == 0) {
      question.compute_flops =
          free.size().flops_per_token * best->token_count * (1 + between(0, 2) * step);
    } else {
      question.deadline_seconds = best->wall_seconds * (1 + between(-0.2, 1) * step);
    }
    const Setting limited(question, metric, fixed, per_micro_batch);
    const std::optional<BatchChoice> choice = limited.Choose(), loop = limited.ChooseByLoop();
    ASSERT_EQ(choice.has_value(), loop.has_value()) << i;
    if (!loop.has_value()) continue;
    EXPECT_EQ(limited.Value(*choice), limited.Value(*loop)) << i;
    decided_by_rounding += loop->micro_batches != best->micro_batches ? 1 : 0;
  }
  EXPECT_GT(decided_by_rounding, 50);
}

}  // namespace
}  // namespace rhumb
