// SPDX-License-Identifier: Apache-2.0
#include "planner/track/replan.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/track/resume_advice.h"
#include "rapidcheck/gtest.h"
#include "tests/planner/plan/question_fixtures.h"
#include "tests/planner/plan/same_as_brute_force.h"

namespace rhumb {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::Choice;
using testing_support::ExpectSameAsBruteForce;
using testing_support::MakePool;
using testing_support::PlanOf;
using testing_support::SmallQuestion;
using testing_support::SmallShape;

constexpr double kDay = 24 * 3600;

// The run that `plan` plans, of which `share` is done.
RunUnderWay UnderWay(const Plan& plan, double share) {
  RunUnderWay run;
  run.model = plan.model;
  run.gpu_type = plan.allocation->gpu_type;
  run.gpu_count = plan.allocation->gpu_count;
  run.layout = *plan.layout;
  run.gradient_accumulation_steps = plan.gradient_accumulation_steps;
  run.global_batch_tokens = plan.batch.global_batch_tokens;
  run.token_count = plan.token_count;
  run.done_step_count = static_cast<int64_t>(share * static_cast<double>(plan.batch.step_count));
  run.done_token_count = run.done_step_count * plan.batch.global_batch_tokens;
  run.objective = plan.objective;
  run.planned_step_seconds = plan.time->step_seconds;
  return run;
}

// SmallQuestion's run, planned to be trained in two days on 12 GPUs.
struct SmallRun {
  PlanQuestion question = SmallQuestion();
  Plan plan = PlanOf(question);
  RunUnderWay run = UnderWay(plan, 0.25);
};

Replan ReplanOf(const SmallRun& small, const ReplanAsk& ask) {
  absl::StatusOr<Replan> replan = ReplanRest(small.question, small.run, ask, {});
  EXPECT_TRUE(replan.ok()) << replan.status().ToString();
  return replan.ok() ? *std::move(replan) : Replan{};
}

double BatchMove(const SmallRun& small, const Replan& replan) {
  return std::abs(static_cast<double>(replan.plan.batch.global_batch_tokens) /
                      static_cast<double>(small.run.global_batch_tokens) -
                  1);
}

auto HasCode(const std::string& code) { return Contains(Field(&ReplanAdvice::code, code)); }

TEST(MeasuredPaceTest, OneBadSampleDoesNotMoveTheMedian) {
  EXPECT_EQ(MeasuredPace(2.0, {2.2, 2.2, 2.2, 90.0, 2.2}), 1.1);
}

TEST(MeasuredPaceTest, OldSamplesDoNotCount) {
  std::vector<double> steps(500, 2.0);
  steps.insert(steps.end(), kMostPaceSamples, 3.0);
  EXPECT_EQ(MeasuredPace(2.0, steps), 1.5);
}

TEST(MeasuredPaceTest, TheMedianOfAnEvenNumberLiesBetween) {
  EXPECT_EQ(MeasuredPace(1.0, {1.0, 1.0, 1.0, 2.0, 2.0, 2.0}), 1.5);
}

TEST(MeasuredPaceTest, FewSamplesSayNothing) {
  EXPECT_EQ(MeasuredPace(2.0, {4.0, 4.0, 4.0, 4.0}), std::nullopt);
}

TEST(MeasuredPaceTest, WithoutAPlannedTimeThereIsNoPace) {
  EXPECT_EQ(MeasuredPace(0, {4.0, 4.0, 4.0, 4.0, 4.0}), std::nullopt);
}

TEST(ReplanTest, NothingIsToChangeWhereNothingChanged) {
  SmallRun small;
  // A plan for the least time: what it would be planned as again.
  small.question.objective = Objective::kTime;
  small.question.token_count = 2e9;
  small.question.deadline_seconds.reset();
  small.plan = PlanOf(small.question);
  small.run = UnderWay(small.plan, 0.5);
  const Replan replan = ReplanOf(small, {});
  EXPECT_TRUE(replan.kept);
  EXPECT_THAT(replan.changes, IsEmpty());
  EXPECT_THAT(replan.advice, ElementsAre(Field(&ReplanAdvice::code, "NOTHING_TO_CHANGE")));
  EXPECT_EQ(replan.plan.batch.global_batch_tokens, small.run.global_batch_tokens);
  EXPECT_EQ(replan.plan.token_count, small.run.token_count);
}

TEST(ReplanTest, LostNodesLeaveModelTokensAndBatch) {
  const SmallRun small;
  const Replan replan = ReplanOf(small, {.pools = {{MakePool("A100-SXM4-40GB", 6, 6)}}});
  ASSERT_TRUE(replan.plan.feasible);
  EXPECT_EQ(replan.plan.model.name, small.plan.model.name);
  EXPECT_EQ(replan.plan.model.num_layers, small.plan.model.num_layers);
  EXPECT_LE(replan.plan.allocation->gpu_count, 6);
  EXPECT_LE(replan.plan.token_count, small.run.token_count);
  EXPECT_GT(replan.plan.token_count, small.run.token_count - replan.plan.batch.global_batch_tokens);
  EXPECT_LE(BatchMove(small, replan), 0.1);
  EXPECT_FALSE(replan.going_on_wall_seconds.has_value());
  EXPECT_THAT(replan.changes, Contains("gpu_count from 12 to 6"));
}

TEST(ReplanTest, ABatchThatMovedForLittleCanBeHeld) {
  const SmallRun small;
  const ReplanAsk ask = {.pools = {{MakePool("A100-SXM4-40GB", 6, 6)}},
                         .batch_tolerance_fraction = 0.5};
  const Replan moved = ReplanOf(small, ask);
  ASSERT_NE(moved.plan.batch.global_batch_tokens, small.run.global_batch_tokens);
  ASSERT_TRUE(moved.own_batch_wall_seconds.has_value());
  EXPECT_THAT(moved.advice, HasCode("OWN_BATCH_IS_NEAR"));
  ReplanAsk held = ask;
  held.batch_tolerance_fraction = 0.0001;
  const Replan replan = ReplanOf(small, held);
  EXPECT_EQ(replan.plan.batch.global_batch_tokens, small.run.global_batch_tokens);
  EXPECT_DOUBLE_EQ(replan.plan.time->wall_seconds, *moved.own_batch_wall_seconds);
}

TEST(ReplanTest, LostNodesTakeLongerThanBefore) {
  const SmallRun small;
  const Replan fewer = ReplanOf(small, {.pools = {{MakePool("A100-SXM4-40GB", 6, 6)}}});
  const Replan all = ReplanOf(small, {});
  EXPECT_GT(fewer.plan.time->wall_seconds, 1.5 * all.plan.time->wall_seconds);
}

TEST(ReplanTest, StepsCountOn) {
  const SmallRun small;
  const Replan replan = ReplanOf(small, {.pools = {{MakePool("A100-SXM4-40GB", 6, 6)}}});
  const int64_t rest = replan.plan.batch.step_count - small.run.done_step_count;
  EXPECT_EQ(replan.plan.token_count,
            small.run.done_token_count + rest * replan.plan.batch.global_batch_tokens);
}

TEST(ReplanTest, SlowerGpusScaleTheRest) {
  SmallRun small;
  small.run.step_seconds.assign(20, 1.3 * small.run.planned_step_seconds);
  const Replan slow = ReplanOf(small, {});
  small.run.step_seconds.clear();
  const Replan planned = ReplanOf(small, {});
  EXPECT_THAT(slow.plan.time->train_seconds / planned.plan.time->train_seconds,
              DoubleNear(1.3, 1e-3));
  EXPECT_THAT(slow.advice, HasCode("MEASURED_SLOWER"));
  EXPECT_THAT(slow.plan.assumptions,
              Contains(AllOf(Field(&Assumption::field, "step_time_factor"),
                             Field(&Assumption::source, HasSubstr("measured")))));
}

TEST(ReplanTest, AMeasuredPaceCountsFromThePlanThatItWasMeasuredAgainst) {
  SmallRun small;
  small.question.step_time_factor = 1.3;
  small.run.planned_step_seconds = 1.3 * small.plan.time->step_seconds;
  small.run.step_seconds.assign(20, small.run.planned_step_seconds);
  EXPECT_EQ(RestOfRun(small.question, small.run, {}).step_time_factor, 1.3);
}

TEST(ReplanTest, ADeadlineThatCannotBeMetSaysWhichCan) {
  const SmallRun small;
  const Replan replan = ReplanOf(small, {.deadline_seconds = 0.2 * kDay});
  ASSERT_FALSE(replan.plan.feasible);
  EXPECT_THAT(replan.advice, HasCode("NO_PLAN_FOR_THE_REST"));
  EXPECT_THAT(replan.advice,
              Contains(AllOf(Field(&ReplanAdvice::code, "RELAX"),
                             Field(&ReplanAdvice::directive, HasSubstr("--deadline ")))));
}

TEST(ReplanTest, ShortenTrainsOnAsMuchAsTheDeadlineAllows) {
  const SmallRun small;
  const Replan replan = ReplanOf(small, {.deadline_seconds = 0.2 * kDay, .shorten = true});
  ASSERT_TRUE(replan.plan.feasible);
  EXPECT_TRUE(replan.shortened);
  EXPECT_LE(replan.plan.time->wall_seconds, 0.2 * kDay * (1 + 1e-9));
  EXPECT_GT(replan.plan.time->wall_seconds, 0.19 * kDay);
  EXPECT_GT(replan.plan.token_count, small.run.done_token_count);
  EXPECT_LT(replan.plan.token_count, small.run.token_count);
  EXPECT_GT(replan.plan.loss.mean_nats, small.plan.loss.mean_nats);
  EXPECT_THAT(replan.advice, HasCode("SHORTENED"));
}

TEST(ReplanTest, ShortenTrainsOnAllWhereThatFits) {
  const SmallRun small;
  const Replan replan = ReplanOf(small, {.deadline_seconds = 10 * kDay, .shorten = true});
  EXPECT_FALSE(replan.shortened);
  EXPECT_GT(replan.plan.token_count, small.run.token_count - 2 * small.run.global_batch_tokens);
}

TEST(ReplanTest, ShortenFallsBackToWhatIsLeftOfThePlansLimits) {
  SmallRun small;
  small.run.deadline_seconds = 0.3 * kDay;
  const Replan replan = ReplanOf(small, {.shorten = true});
  ASSERT_TRUE(replan.shortened);
  EXPECT_LE(replan.plan.time->wall_seconds, 0.3 * kDay * (1 + 1e-9));
}

TEST(ReplanTest, ANewEndIsTaken) {
  const SmallRun small;
  const int64_t end = small.run.done_token_count + 40 * small.run.global_batch_tokens;
  const Replan replan = ReplanOf(small, {.token_count = end});
  EXPECT_LE(replan.plan.token_count, end);
  EXPECT_GT(replan.plan.token_count, end - 2 * small.run.global_batch_tokens);
}

// One sequence more than a prime number of them, on two GPUs or one: the tolerance that is asked
// for reaches the run's own batch on one.
TEST(ReplanTest, ABatchThatOnlyOneGpuDividesIsHeldOnOneGpu) {
  SmallRun small;
  small.run.global_batch_tokens = 7 * 2048;
  small.question.framework = *FindFrameworkProfile("deepspeed");  // data parallel alone
  const Replan replan = ReplanOf(small, {.pools = {{MakePool("A100-SXM4-40GB", 5, 5)}}});
  ASSERT_TRUE(replan.plan.feasible);
  EXPECT_EQ(replan.plan.allocation->gpu_count, 1);
  EXPECT_EQ(replan.plan.batch.global_batch_tokens, 7 * 2048);
}

// Batches are whole sequences of 2048 tokens: of 2.5 of them, 2 are 20% less and 3 are 20% more.
TEST(ReplanTest, ABatchOutOfReachNamesTheToleranceThatReachesOne) {
  SmallRun small;
  small.run.global_batch_tokens = 5 * 1024;
  const Replan replan = ReplanOf(small, {});
  ASSERT_FALSE(replan.plan.feasible);
  EXPECT_THAT(replan.advice,
              Contains(AllOf(Field(&ReplanAdvice::code, "RELAX"),
                             Field(&ReplanAdvice::directive, HasSubstr("--batch-tolerance 20")))));
}

TEST(ReplanTest, WhatNoGpuHoldsIsInfeasible) {
  SmallRun small;
  small.question.max_memory_bytes = 1e9;
  const Replan replan = ReplanOf(small, {});
  ASSERT_FALSE(replan.plan.feasible);
  EXPECT_THAT(replan.changes, IsEmpty());
  EXPECT_THAT(replan.advice, HasCode("NO_PLAN_FOR_THE_REST"));
}

TEST(ReplanTest, ARunPlannedForCostStaysCheap) {
  SmallRun small;
  small.question.pools[0].price_usd_per_gpu_hour = 2;
  small.run.objective = Objective::kCost;
  const PlanQuestion rest = RestOfRun(small.question, small.run, {});
  EXPECT_EQ(rest.objective, Objective::kCost);
  const Replan cheap = ReplanOf(small, {.pools = small.question.pools});
  small.run.objective = Objective::kTime;
  const Replan fast = ReplanOf(small, {.pools = small.question.pools});
  EXPECT_LE(*cheap.plan.cost->total_usd, *fast.plan.cost->total_usd);
  EXPECT_LT(fast.plan.time->wall_seconds, cheap.plan.time->wall_seconds);
}

TEST(ReplanTest, EqualsBruteForceAfterLosingNodes) {
  const SmallRun small;
  const ReplanAsk ask = {.pools = {{MakePool("A100-SXM4-40GB", 6, 6)}}};
  const PlanQuestion rest = RestOfRun(small.question, small.run, ask);
  ExpectSameAsBruteForce(rest);
  EXPECT_EQ(Choice(ReplanOf(small, ask).plan), Choice(PlanOf(rest)));
}

TEST(ValidateReplanTest, NothingLeftIsAViolation) {
  SmallRun small;
  small.run.done_token_count = small.run.token_count - small.run.global_batch_tokens + 1;
  const std::vector<FieldViolation> violations = ValidateReplan(small.question, small.run, {});
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "token_count");
  EXPECT_THAT(violations[0].description, HasSubstr("leaves nothing to plan"));
}

TEST(ValidateReplanTest, ShortenWithoutALimitIsAViolation) {
  const SmallRun small;
  const std::vector<FieldViolation> violations =
      ValidateReplan(small.question, small.run, {.shorten = true});
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(violations[0].field, "shorten");
}

TEST(ValidateReplanTest, TheToleranceIsAboveZeroAndAtMostOne) {
  const SmallRun small;
  EXPECT_EQ(ValidateReplan(small.question, small.run, {.batch_tolerance_fraction = 0})[0].field,
            "batch_tolerance_fraction");
  EXPECT_EQ(ValidateReplan(small.question, small.run, {.batch_tolerance_fraction = 1.5})[0].field,
            "batch_tolerance_fraction");
}

TEST(ValidateReplanTest, ABudgetNeedsAPrice) {
  SmallRun small;
  const std::vector<FieldViolation> violations =
      ValidateReplan(small.question, small.run, {.budget_usd = 100});
  ASSERT_FALSE(violations.empty());
  EXPECT_EQ(violations[0].field, "budget_usd");
}

// --- what frameworks take

Plan InLayout(const SmallRun& small, int64_t tensor, int64_t data, int64_t accumulation) {
  Plan plan = small.plan;
  plan.layout->tensor_parallel_size = tensor;
  plan.layout->data_parallel_size = data;
  plan.gradient_accumulation_steps = accumulation;
  return plan;
}

TEST(ResumeAdviceTest, MegatronReshardsTheOptimizerForAnotherTensorSize) {
  SmallRun small;
  const Plan plan = InLayout(small, small.run.layout.tensor_parallel_size * 2, 3, 4);
  EXPECT_THAT(AdviseOnResume("megatron", small.run, plan),
              Contains(Field(&ReplanAdvice::directive, "--dist-ckpt-optim-fully-reshardable")));
}

TEST(ResumeAdviceTest, MegatronNeedsNoOptimizerFlagForAnotherDataParallelSize) {
  SmallRun small;
  const Plan plan = InLayout(small, small.run.layout.tensor_parallel_size, 3, 4);
  const std::vector<ReplanAdvice> advice = AdviseOnResume("megatron", small.run, plan);
  EXPECT_THAT(advice, HasCode("MEGATRON_DISTRIBUTED_CHECKPOINT"));
  EXPECT_THAT(advice, Not(HasCode("MEGATRON_OPTIMIZER_RESHARDING")));
}

TEST(ResumeAdviceTest, MegatronTakesTheNewLastStepFromTheCommandLine) {
  SmallRun small;
  Plan plan = small.plan;
  plan.token_count -= plan.batch.global_batch_tokens * 10;
  plan.batch.step_count -= 10;
  const std::vector<ReplanAdvice> advice = AdviseOnResume("megatron", small.run, plan);
  EXPECT_THAT(advice, Contains(Field(&ReplanAdvice::directive,
                                     "--train-iters " + std::to_string(plan.batch.step_count))));
  EXPECT_THAT(advice, Contains(Field(&ReplanAdvice::directive, "--override-opt_param-scheduler")));
}

TEST(ResumeAdviceTest, TorchtitanLeavesOutTheDataLoaderForAnotherDataParallelSize) {
  SmallRun small;
  const Plan plan = InLayout(small, small.run.layout.tensor_parallel_size, 3, 4);
  EXPECT_THAT(AdviseOnResume("torchtitan", small.run, plan), HasCode("DATALOADER_STATE"));
}

TEST(ResumeAdviceTest, DeepspeedConvertsToAUniversalCheckpoint) {
  SmallRun small;
  const Plan plan = InLayout(small, small.run.layout.tensor_parallel_size, 3, 4);
  const std::vector<ReplanAdvice> advice = AdviseOnResume("deepspeed", small.run, plan);
  EXPECT_THAT(advice, HasCode("DEEPSPEED_UNIVERSAL_CHECKPOINT"));
  EXPECT_THAT(advice,
              Contains(Field(&ReplanAdvice::directive, HasSubstr("\"load_universal\": true"))));
}

TEST(ResumeAdviceTest, NanogptCountsAccumulationOverAllRanks) {
  SmallRun small;
  const Plan plan = InLayout(small, 1, 3, 4);
  EXPECT_THAT(AdviseOnResume("nanogpt", small.run, plan),
              Contains(Field(&ReplanAdvice::directive, "--gradient_accumulation_steps=12")));
}

TEST(ResumeAdviceTest, AFrameworkThatIsNotKnownSaysSo) {
  SmallRun small;
  const Plan plan = InLayout(small, small.run.layout.tensor_parallel_size, 3, 4);
  EXPECT_THAT(AdviseOnResume("nanotron", small.run, plan), HasCode("RESUME_NOT_KNOWN"));
}

TEST(ResumeAdviceTest, NothingIsSaidWhereNoRankChanges) {
  SmallRun small;
  EXPECT_THAT(AdviseOnResume("deepspeed", small.run, small.plan), IsEmpty());
}

// --- properties

struct AnyRun : SmallRun {
  ReplanAsk ask;
};

// A plan for the least time or money or loss on some GPUs, a random part of which is done.
AnyRun RandomRun() {
  AnyRun any;
  PlanQuestion& q = any.question;
  const int64_t gpus = *rc::gen::element<int64_t>(6, 12, 18, 24);
  q.pools = {MakePool(*rc::gen::element<std::string>("A100-SXM4-40GB", "H100-SXM5-80GB"), gpus, 6)};
  q.objective = *rc::gen::element(Objective::kTime, Objective::kCost, Objective::kLoss);
  q.noise_scale_tokens = 2048.0 * *rc::gen::inRange(16, 400);
  if (*q.objective != Objective::kLoss) {
    q.deadline_seconds.reset();
    q.token_count = 1e8 * *rc::gen::inRange(2, 60);
  }
  any.plan = PlanOf(q);
  RC_PRE(any.plan.feasible);
  any.run = UnderWay(any.plan, 0.01 * *rc::gen::inRange(0, 95));
  const double pace = 0.01 * *rc::gen::inRange(70, 250);
  any.run.step_seconds.assign(8, pace * any.run.planned_step_seconds);
  any.ask.batch_tolerance_fraction = 0.01 * *rc::gen::inRange(1, 60);
  RC_PRE(ValidateReplan(q, any.run, any.ask).empty());
  return any;
}

GpuPool WithGpus(const AnyRun& any, int64_t count) {
  GpuPool pool = any.question.pools[0];
  pool.gpu_count = count;
  return pool;
}

RC_GTEST_PROP(ReplanPropertyTest, IsNeverWorseThanGoingOn, ()) {
  AnyRun any = RandomRun();
  if (*rc::gen::arbitrary<bool>()) any.ask.pools = any.question.pools;
  const Replan replan = ReplanOf(any, any.ask);
  RC_ASSERT(replan.plan.feasible);
  RC_ASSERT(replan.going_on_wall_seconds.has_value());
  RC_CLASSIFY(replan.kept, "kept");
  if (replan.plan.objective == Objective::kTime) {
    RC_ASSERT(replan.plan.time->wall_seconds <= *replan.going_on_wall_seconds * (1 + 1e-9));
  } else {
    const double gpu_hours =
        *replan.going_on_wall_seconds * static_cast<double>(any.run.gpu_count) / 3600;
    RC_ASSERT(replan.plan.cost->gpu_hours <= gpu_hours * (1 + 1e-9));
  }
}

RC_GTEST_PROP(ReplanPropertyTest, MoreGpusAreNeverLater, ()) {
  AnyRun any = RandomRun();
  any.run.objective = Objective::kTime;
  const int64_t fewer = *rc::gen::element<int64_t>(1, 2, 6, 12);
  any.ask.pools = {WithGpus(any, fewer)};
  const Replan before = ReplanOf(any, any.ask);
  any.ask.pools = {WithGpus(any, (fewer / 6 + *rc::gen::inRange(1, 4)) * 6)};
  const Replan after = ReplanOf(any, any.ask);
  if (!before.plan.feasible) return;
  RC_ASSERT(after.plan.feasible);
  RC_ASSERT(after.plan.time->wall_seconds <= before.plan.time->wall_seconds * (1 + 1e-9));
}

RC_GTEST_PROP(ReplanPropertyTest, TheBatchStaysWithinTheToleranceAndTheModelIsTheSame, ()) {
  AnyRun any = RandomRun();
  any.ask.pools = {WithGpus(any, *rc::gen::element<int64_t>(1, 3, 5, 6, 12, 24))};
  any.ask.shorten = *rc::gen::arbitrary<bool>();
  if (any.ask.shorten) any.ask.deadline_seconds = 3600.0 * *rc::gen::inRange(1, 60);
  const Replan replan = ReplanOf(any, any.ask);
  RC_CLASSIFY(replan.plan.feasible, "feasible");
  RC_CLASSIFY(replan.shortened, "shortened");
  if (!replan.plan.feasible) return;
  RC_ASSERT(BatchMove(any, replan) <= any.ask.batch_tolerance_fraction * (1 + 1e-9));
  RC_ASSERT(CountParams(replan.plan.model).total == CountParams(any.plan.model).total);
  RC_ASSERT(replan.plan.model.sequence_length == any.plan.model.sequence_length);
  RC_ASSERT(replan.plan.token_count <= any.run.token_count);
  RC_ASSERT(replan.plan.token_count > any.run.done_token_count);
  RC_ASSERT(replan.shortened ||
            replan.plan.token_count > any.run.token_count - replan.plan.batch.global_batch_tokens);
}

RC_GTEST_PROP(ReplanPropertyTest, AWiderToleranceIsNeverLater, ()) {
  AnyRun any = RandomRun();
  any.run.objective = Objective::kTime;
  any.ask.pools = {WithGpus(any, 6)};
  const Replan before = ReplanOf(any, any.ask);
  any.ask.batch_tolerance_fraction = std::min(1.0, 1.5 * any.ask.batch_tolerance_fraction);
  const Replan after = ReplanOf(any, any.ask);
  if (!before.plan.feasible) return;
  // Whole steps of another size may be one more.
  const double step = after.plan.time->step_seconds;
  RC_ASSERT(after.plan.time->wall_seconds <= before.plan.time->wall_seconds + 1.2 * step);
}

}  // namespace
}  // namespace rhumb
