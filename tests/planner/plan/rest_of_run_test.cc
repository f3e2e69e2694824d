// SPDX-License-Identifier: Apache-2.0
// Questions about the rest of a run: what is done, batches within bounds, steps slower or faster
// than modelled.
#include <cmath>
#include <cstdint>
#include <iostream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/loss_model.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/plan.h"
#include "tests/planner/plan/question_fixtures.h"
#include "tests/planner/plan/same_as_brute_force.h"

namespace rhumb {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using testing_support::BruteForceAnswer;
using testing_support::Choice;
using testing_support::Dice;
using testing_support::ExpectSameAsBruteForce;
using testing_support::PlanOf;
using testing_support::RandomQuestion;
using testing_support::SmallQuestion;

constexpr double kDay = 24 * 3600;

// A random question with an architecture, of which a part is done, in batches within a tenth or so
// of one that it might have had.
PlanQuestion RandomRest(uint64_t seed) {
  Dice dice(seed * 7919 + 5);
  PlanQuestion q;
  do {
    q = RandomQuestion(dice.Roll() % 100000);
  } while (!q.architecture.has_value());
  const double params = static_cast<double>(CountParams(*q.architecture).active);
  const double tokens = std::floor(params * dice.LogUniform(3, 40));
  const double sequence = static_cast<double>(q.architecture->sequence_length);
  q.target_loss_nats.reset();
  q.tokens_per_param.reset();
  q.token_count.reset();
  q.compute_flops.reset();
  q.global_batch_tokens.reset();
  q.objective = dice.Pick({Objective::kTime, Objective::kCost, Objective::kLoss});
  const bool bounded = q.deadline_seconds || q.gpu_hours || q.budget_usd;
  const bool shortened = *q.objective == Objective::kLoss && bounded && dice.Chance(0.7);
  if (!shortened) {
    q.token_count = tokens;
    if (dice.Chance(0.5)) q.deadline_seconds.reset();
  }
  q.done_token_count = std::floor(tokens * dice.Uniform(0.05, 0.95));
  q.done_step_count = 1 + static_cast<int64_t>(dice.LogUniform(1, 1e5));
  if (q.unique_token_count) *q.unique_token_count = std::max(*q.unique_token_count, 0.5 * tokens);
  const double batch = sequence * std::floor(dice.LogUniform(16, 300));
  const double tolerance = dice.LogUniform(0.02, 0.6);
  q.min_global_batch_tokens = std::llround(batch * (1 - tolerance));
  q.max_global_batch_tokens = std::llround(batch * (1 + tolerance));
  if (dice.Chance(0.7)) q.step_time_factor = dice.LogUniform(0.5, 3);
  return q;
}

TEST(RestOfRunTest, EqualsBruteForceOnRandomSpaces) {
  constexpr uint64_t kSpaces = 60;
  int feasible = 0, shortened = 0, chained = 0;
  for (uint64_t seed = 0; seed < kSpaces; ++seed) {
    SCOPED_TRACE(seed);
    const PlanQuestion question = RandomRest(seed);
    const BruteForceAnswer answer = ExpectSameAsBruteForce(question);
    feasible += answer.feasible;
    shortened += answer.feasible && !question.token_count;
    if (!answer.feasible) continue;
    EXPECT_GE(answer.global_batch_tokens, *question.min_global_batch_tokens);
    EXPECT_LE(answer.global_batch_tokens, *question.max_global_batch_tokens);
    chained += testing_support::SearchOnly(question).time->job_count > 1;
  }
  std::cout << kSpaces << " rests of runs: " << feasible << " feasible, " << shortened
            << " of them as long as they may be, " << chained << " in a chain of jobs\n";
  EXPECT_GE(feasible, 25);
  EXPECT_GE(shortened, 5);
}

// SmallQuestion's model on one billion tokens, a quarter of which is done in 1000 steps.
PlanQuestion SmallRest() {
  PlanQuestion question = SmallQuestion();
  question.deadline_seconds.reset();
  question.objective = Objective::kTime;
  question.token_count = 1000 * 1048576.0;
  question.done_token_count = 250 * 1048576.0;
  question.done_step_count = 1000;
  question.min_global_batch_tokens = 240 * 1024;
  question.max_global_batch_tokens = 272 * 1024;
  return question;
}

TEST(RestOfRunTest, TellsTokensStepsAndLossOfTheWholeRunAndTimeOfTheRest) {
  const PlanQuestion question = SmallRest();
  const Plan plan = PlanOf(question);
  ASSERT_TRUE(plan.feasible);
  const int64_t rest_steps = plan.batch.step_count - 1000;
  EXPECT_EQ(plan.token_count, 250 * 1048576 + rest_steps * plan.batch.global_batch_tokens);
  EXPECT_LE(plan.token_count, 1000 * 1048576);
  EXPECT_GT(plan.token_count, 1000 * 1048576 - plan.batch.global_batch_tokens);
  EXPECT_THAT(plan.time->train_seconds,
              DoubleNear(static_cast<double>(rest_steps) * plan.time->step_seconds, 1e-6));
  const double tokens = static_cast<double>(plan.token_count);
  EXPECT_DOUBLE_EQ(plan.loss.mean_nats,
                   PredictLoss(question.law, plan.active_param_count,
                               {tokens, std::nullopt, plan.batch.token_overhead}));
  EXPECT_DOUBLE_EQ(plan.tokens_per_param, tokens / plan.active_param_count);
  EXPECT_FALSE(plan.law_optimum.has_value());
}

TEST(RestOfRunTest, TakesAsLongAsTheSameTokensFromTheStart) {
  PlanQuestion fresh = SmallRest();
  *fresh.token_count -= fresh.done_token_count;
  fresh.done_token_count = 0;
  fresh.done_step_count = 0;
  EXPECT_DOUBLE_EQ(PlanOf(SmallRest()).time->wall_seconds, PlanOf(fresh).time->wall_seconds);
}

TEST(RestOfRunTest, AMeasuredFactorScalesStepsAndKeepsStartup) {
  const Plan planned = PlanOf(SmallRest());
  PlanQuestion slow = SmallRest();
  slow.step_time_factor = 1.25;
  const Plan slower = PlanOf(slow);
  EXPECT_EQ(Choice(slower), Choice(planned));
  EXPECT_DOUBLE_EQ(slower.time->step_seconds, 1.25 * planned.time->step_seconds);
  EXPECT_DOUBLE_EQ(slower.time->train_seconds, 1.25 * planned.time->train_seconds);
  EXPECT_DOUBLE_EQ(slower.time->mfu, planned.time->mfu / 1.25);
  EXPECT_DOUBLE_EQ(slower.time->step_breakdown->step_seconds(), slower.time->step_seconds);
  EXPECT_DOUBLE_EQ(slower.time->wall_seconds - 600, 1.25 * (planned.time->wall_seconds - 600));
}

TEST(RestOfRunTest, ABoundedBatchMayExceedFourCriticalBatches) {
  PlanQuestion question = SmallRest();
  question.noise_scale_tokens = 16 * 1024;
  const Plan plan = PlanOf(question);
  ASSERT_TRUE(plan.feasible);
  EXPECT_GE(plan.batch.global_batch_tokens, 240 * 1024);
  EXPECT_THAT(plan.warnings,
              ::testing::Contains(::testing::Field(&PlanWarning::code, "BATCH_ABOVE_CRITICAL")));
}

// 5 x 2048 tokens a pass over 5 ranks and none else: no multiple of 10240 within the bounds.
TEST(RestOfRunTest, NoBatchWithinTheBoundsNamesTheNearest) {
  PlanQuestion question = SmallRest();
  question.layout.data_parallel_size = 5;
  question.layout.micro_batch_size = 1;
  question.min_global_batch_tokens = 10240 * 24 + 2048;
  question.max_global_batch_tokens = 10240 * 25 - 2048;
  const Plan plan = PlanOf(question);
  ASSERT_FALSE(plan.feasible);
  EXPECT_THAT(plan.conflict, ElementsAre("layout.data_parallel_size", "min_global_batch_tokens",
                                         "max_global_batch_tokens"));
  double least = 0, most = 0;
  for (const Relaxation& relaxation : plan.relaxations) {
    if (relaxation.constraint == "min_global_batch_tokens") least = relaxation.to;
    if (relaxation.constraint == "max_global_batch_tokens") most = relaxation.to;
  }
  // Rounded outwards to four digits.
  EXPECT_THAT(least, ::testing::AllOf(::testing::Le(10240 * 24), ::testing::Gt(10240 * 23.9)));
  EXPECT_THAT(most, ::testing::AllOf(::testing::Ge(10240 * 25), ::testing::Lt(10240 * 25.1)));
}

struct BadRest {
  const char* field;
  void (*break_it)(PlanQuestion&);
};

class BadRestTest : public ::testing::TestWithParam<BadRest> {};

TEST_P(BadRestTest, NamesItsField) {
  PlanQuestion question = SmallRest();
  GetParam().break_it(question);
  std::vector<std::string> fields;
  for (const FieldViolation& violation : ValidateQuestion(question)) {
    fields.push_back(violation.field);
  }
  EXPECT_THAT(fields, ::testing::Contains(GetParam().field));
}

INSTANTIATE_TEST_SUITE_P(
    EveryField, BadRestTest,
    ::testing::Values(
        BadRest{"min_global_batch_tokens", [](PlanQuestion& q) { q.min_global_batch_tokens = 0; }},
        BadRest{"max_global_batch_tokens", [](PlanQuestion& q) { q.max_global_batch_tokens = -1; }},
        BadRest{
            "min_global_batch_tokens",
            [](PlanQuestion& q) { q.min_global_batch_tokens = *q.max_global_batch_tokens + 1; }},
        BadRest{"min_global_batch_tokens",
                [](PlanQuestion& q) { q.global_batch_tokens = 256 * 1024; }},
        BadRest{"token_count", [](PlanQuestion& q) { q.token_count = q.done_token_count; }},
        BadRest{"target_loss_nats", [](PlanQuestion& q) { q.target_loss_nats = 3; }},
        BadRest{"architecture", [](PlanQuestion& q) { q.architecture.reset(); }},
        BadRest{"done_token_count", [](PlanQuestion& q) { q.pools.clear(); }},
        BadRest{"done_token_count", [](PlanQuestion& q) { q.done_token_count = -1; }},
        BadRest{"done_step_count", [](PlanQuestion& q) { q.done_step_count = -1; }},
        BadRest{"done_step_count", [](PlanQuestion& q) { q.done_token_count = 0; }},
        BadRest{"step_time_factor", [](PlanQuestion& q) { q.step_time_factor = 0; }}));

}  // namespace
}  // namespace rhumb
