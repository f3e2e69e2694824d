// SPDX-License-Identifier: Apache-2.0
// What must hold for any question: more never plans worse, prices scale, plans keep their promises.
#include <cmath>
#include <functional>
#include <iostream>
#include <limits>

#include "gtest/gtest.h"
#include "planner/plan/assemble.h"
#include "planner/plan/make_plan.h"
#include "planner/plan/overheads.h"
#include "planner/plan/pool.h"
#include "planner/plan/solve.h"
#include "rapidcheck/gtest.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using testing_support::Choice;
using testing_support::Dice;
using testing_support::MakePool;
using testing_support::RandomQuestion;

// The objective is compared at real tokens; whole steps may decide what is feasible in the last
// digits.
constexpr double kSlack = 1e-6;

// RandomQuestion with a measured noise scale always: the default rule has thousands of batches to
// choose from.
PlanQuestion QuestionOf(uint64_t seed) {
  PlanQuestion question = RandomQuestion(seed);
  const int64_t sequence =
      question.architecture ? question.architecture->sequence_length : question.sequence_length;
  if (!question.noise_scale_tokens)
    question.noise_scale_tokens = 64.0 * static_cast<double>(sequence);
  return question;
}

PlanQuestion AnyQuestion() { return QuestionOf(*rc::gen::inRange<uint64_t>(1000, 100000)); }

double AnyFactor() { return 1 + 0.01 * *rc::gen::inRange(1, 300); }

Solution SolveOf(const PlanQuestion& question) { return Solve(question, *question.objective, {}); }

// Whether `looser` plans at least as well as `question`; says why not in the log of rapidcheck.
bool PlansNoWorse(const PlanQuestion& question, const PlanQuestion& looser) {
  const Solution before = SolveOf(question);
  const Solution after = SolveOf(looser);
  RC_CLASSIFY(before.feasible(), "feasible");
  if (!before.feasible()) return true;
  RC_LOG() << Choice(AssembleChoice(before)) << "\n";
  if (!after.feasible()) return false;
  RC_LOG() << Choice(AssembleChoice(after)) << "\n"
           << before.result.best->rank.metric << " " << after.result.best->rank.metric;
  return after.result.best->rank.metric <= before.result.best->rank.metric * (1 + kSlack);
}

// Whether the question leaves the number of tokens open, so that half of a resource is still
// enough.
bool SpendsWhatThereIs(const PlanQuestion& question) {
  return *question.objective == Objective::kLoss && !question.token_count &&
         !question.tokens_per_param;
}

// One limit set near what the free plan used, and loosened from there. Only questions that spend as
// much as they are allowed are given less than that.
bool LooseningHelps(std::optional<double> PlanQuestion::*limit,
                    const std::function<double(const Plan&)>& used, double least_share = 0.5) {
  PlanQuestion question = AnyQuestion();
  const Solution free = SolveOf(question);
  if (!free.feasible()) return PlansNoWorse(question, question);
  const double low = SpendsWhatThereIs(question) ? least_share : 1;
  const double share = low + (1.3 - low) * 0.01 * *rc::gen::inRange(0, 101);
  question.*limit = used(AssembleChoice(free)) * share;
  PlanQuestion looser = question;
  *(looser.*limit) *= AnyFactor();
  return PlansNoWorse(question, looser);
}

TEST(FeasibleShareTest, FourFifthsOfTheGeneratedQuestionsAreFeasible) {
  constexpr int kQuestions = 300;
  int feasible = 0;
  for (uint64_t seed = 1000; seed < 1000 + kQuestions; ++seed) {
    feasible += SolveOf(QuestionOf(seed)).feasible();
  }
  std::cout << feasible << " of " << kQuestions << " generated questions are feasible\n";
  EXPECT_GE(feasible, kQuestions * 8 / 10);
}

RC_GTEST_PROP(MonotonicityTest, MoreTimeNeverPlansWorse, ()) {
  RC_ASSERT(LooseningHelps(&PlanQuestion::deadline_seconds,
                           [](const Plan& plan) { return plan.time->wall_seconds; }));
}

// The pools end jobs at some share of what the free plan took, and are loosened from there.
PlanQuestion InShortJobs(const PlanQuestion& question, const Plan& plan) {
  PlanQuestion limited = question;
  const double share = 0.02 * *rc::gen::inRange(1, 80);
  for (GpuPool& pool : limited.pools) {
    pool.max_wall_seconds = 900 + share * plan.time->wall_seconds;
  }
  limited.max_job_count.reset();
  if (*rc::gen::inRange(0, 2) == 1) limited.max_job_count = *rc::gen::inRange<int64_t>(1, 40);
  return limited;
}

RC_GTEST_PROP(MonotonicityTest, LongerJobsNeverPlanWorse, ()) {
  const PlanQuestion question = AnyQuestion();
  const Solution free = SolveOf(question);
  RC_PRE(free.feasible());
  const PlanQuestion limited = InShortJobs(question, AssembleChoice(free));
  PlanQuestion looser = limited;
  const double factor = AnyFactor();
  for (GpuPool& pool : looser.pools) *pool.max_wall_seconds *= factor;
  RC_ASSERT(PlansNoWorse(limited, looser));
}

RC_GTEST_PROP(MonotonicityTest, AShorterStartNeverPlansWorse, ()) {
  PlanQuestion question = AnyQuestion();
  RC_PRE(!question.mfu.has_value());
  PlanQuestion shorter = question;
  shorter.startup_seconds = 30.0 * *rc::gen::inRange(0, 40);
  question.startup_seconds = *shorter.startup_seconds * AnyFactor();
  RC_ASSERT(PlansNoWorse(question, shorter));
}

RC_GTEST_PROP(MonotonicityTest, MoreJobsNeverPlanWorse, ()) {
  const PlanQuestion question = AnyQuestion();
  const Solution free = SolveOf(question);
  RC_PRE(free.feasible());
  PlanQuestion limited = InShortJobs(question, AssembleChoice(free));
  limited.max_job_count = *rc::gen::inRange<int64_t>(1, 40);
  PlanQuestion looser = limited;
  looser.max_job_count.reset();
  if (*rc::gen::inRange(0, 2) == 1) {
    looser.max_job_count = *limited.max_job_count + *rc::gen::inRange<int64_t>(1, 9);
  }
  RC_ASSERT(PlansNoWorse(limited, looser));
}

RC_GTEST_PROP(MonotonicityTest, MoreTimeNeverPlansWorseInShortJobs, ()) {
  const PlanQuestion question = AnyQuestion();
  const Solution free = SolveOf(question);
  RC_PRE(free.feasible());
  PlanQuestion limited = InShortJobs(question, AssembleChoice(free));
  const Solution chained = SolveOf(limited);
  RC_PRE(chained.feasible());
  limited.deadline_seconds =
      AssembleChoice(chained).time->wall_seconds * (1 + 0.001 * *rc::gen::inRange(0, 20));
  PlanQuestion looser = limited;
  *looser.deadline_seconds *= AnyFactor();
  RC_ASSERT(PlansNoWorse(limited, looser));
}

RC_GTEST_PROP(MonotonicityTest, MoreGpuHoursNeverPlanWorse, ()) {
  RC_ASSERT(LooseningHelps(&PlanQuestion::gpu_hours,
                           [](const Plan& plan) { return plan.cost->gpu_hours; }));
}

RC_GTEST_PROP(MonotonicityTest, MoreMoneyNeverPlansWorse, ()) {
  RC_ASSERT(LooseningHelps(&PlanQuestion::budget_usd,
                           [](const Plan& plan) { return plan.cost->total_usd.value_or(1); }));
}

RC_GTEST_PROP(MonotonicityTest, MoreComputeNeverPlansWorse, ()) {
  RC_ASSERT(LooseningHelps(&PlanQuestion::compute_flops,
                           [](const Plan& plan) { return plan.training_flops; }));
}

RC_GTEST_PROP(MonotonicityTest, MoreLifetimeComputeNeverPlansWorse, ()) {
  PlanQuestion question = AnyQuestion();
  const Solution free = SolveOf(question);
  RC_PRE(free.feasible());
  const Plan plan = AssembleChoice(free);
  question.lifetime_compute_flops = plan.training_flops * (1 + 1e-6) +
                                    2 * plan.active_param_count * question.inference.token_count;
  if (question.law.param_count_convention == ParamCountConvention::kNonEmbedding) {
    *question.lifetime_compute_flops *= 1.2;  // inference counts the embeddings too
  }
  PlanQuestion looser = question;
  *looser.lifetime_compute_flops *= AnyFactor();
  RC_ASSERT(PlansNoWorse(question, looser));
}

RC_GTEST_PROP(MonotonicityTest, MoreUniqueTokensNeverPlanWorse, ()) {
  RC_ASSERT(LooseningHelps(&PlanQuestion::unique_token_count, [](const Plan& plan) {
    return 0.5 * static_cast<double>(plan.token_count);
  }));
}

RC_GTEST_PROP(MonotonicityTest, MoreEpochsNeverPlanWorse, ()) {
  PlanQuestion question = AnyQuestion();
  const Solution free = SolveOf(question);
  RC_PRE(free.feasible());
  const double tokens = static_cast<double>(AssembleChoice(free).token_count);
  // Four epochs are nearly as good as new tokens, so that most targets stay within reach.
  question.unique_token_count = question.unique_token_count.value_or(0.3 * tokens);
  question.max_epoch_count =
      tokens / *question.unique_token_count * (1 + 0.005 * *rc::gen::inRange(1, 100));
  PlanQuestion looser = question;
  *looser.max_epoch_count *= AnyFactor();
  RC_ASSERT(PlansNoWorse(question, looser));
}

RC_GTEST_PROP(MonotonicityTest, MoreServingMemoryNeverPlansWorse, ()) {
  RC_ASSERT(LooseningHelps(
      &PlanQuestion::serving_memory_bytes,
      [](const Plan& plan) { return 2 * ParamCount(plan.model, ParamCountConvention::kTotal); },
      /*least_share=*/0.95));
}

RC_GTEST_PROP(MonotonicityTest, MorePowerNeverPlansWorse, ()) {
  RC_ASSERT(LooseningHelps(&PlanQuestion::max_power_watts, [](const Plan& plan) {
    return 700.0 * static_cast<double>(plan.allocation->gpu_count);
  }));
}

RC_GTEST_PROP(MonotonicityTest, AHigherTargetLossNeverPlansWorse, ()) {
  PlanQuestion question = AnyQuestion();
  RC_PRE(question.target_loss_nats.has_value());
  PlanQuestion looser = question;
  *looser.target_loss_nats *= 1 + 1e-3 * *rc::gen::inRange(1, 200);
  RC_ASSERT(PlansNoWorse(question, looser));
}

RC_GTEST_PROP(MonotonicityTest, MoreMemoryNeverPlansWorse, ()) {
  const PlanQuestion question = AnyQuestion();
  PlanQuestion looser = question;
  const double factor = AnyFactor();
  if (looser.max_memory_bytes) *looser.max_memory_bytes *= factor;
  for (GpuPool& pool : looser.pools) {
    pool.gpu.memory_bytes =
        static_cast<int64_t>(factor * static_cast<double>(pool.gpu.memory_bytes));
  }
  RC_ASSERT(PlansNoWorse(question, looser));
}

RC_GTEST_PROP(MonotonicityTest, LessHeadroomNeverPlansWorse, ()) {
  const PlanQuestion question = AnyQuestion();
  PlanQuestion looser = question;
  looser.memory_headroom_fraction *= 0.5;
  RC_ASSERT(PlansNoWorse(question, looser));
}

RC_GTEST_PROP(MonotonicityTest, MoreGpusNeverPlanWorse, ()) {
  const PlanQuestion question = AnyQuestion();
  PlanQuestion looser = question;
  GpuPool& pool = looser.pools.back();
  // Whole nodes on top of whole nodes; inside a node every count that was usable stays so.
  pool.gpu_count =
      (pool.gpu_count / pool.gpus_per_node + *rc::gen::inRange(1, 3)) * pool.gpus_per_node;
  RC_ASSERT(PlansNoWorse(question, looser));
}

RC_GTEST_PROP(MonotonicityTest, FewerGpusNeverPlanBetter, ()) {
  const PlanQuestion question = AnyQuestion();
  PlanQuestion tighter = question;
  GpuPool& pool = tighter.pools.front();
  RC_PRE(pool.gpu_count >= 2 * pool.gpus_per_node);
  pool.gpu_count -= pool.gpus_per_node;
  RC_ASSERT(PlansNoWorse(tighter, question));
}

RC_GTEST_PROP(MonotonicityTest, LessMemoryNeverPlansBetter, ()) {
  const PlanQuestion question = AnyQuestion();
  PlanQuestion tighter = question;
  tighter.max_memory_bytes = question.max_memory_bytes.value_or(80e9) / AnyFactor();
  RC_ASSERT(PlansNoWorse(tighter, question));
}

RC_GTEST_PROP(MonotonicityTest, AnotherPoolNeverHurts, ()) {
  const PlanQuestion question = AnyQuestion();
  PlanQuestion larger = question;
  GpuPool pool = MakePool("H100-SXM5-80GB", *rc::gen::element(1, 4, 6), 6);
  // An unpriced pool among priced ones would change what COST counts.
  if (question.pools[0].price_usd_per_gpu_hour) pool.price_usd_per_gpu_hour = 2.5;
  larger.pools.push_back(pool);
  RC_ASSERT(PlansNoWorse(question, larger));
}

RC_GTEST_PROP(ScaleTest, ScalingAllPricesScalesCostsAndChangesNoChoice, ()) {
  const PlanQuestion question = AnyQuestion();
  RC_PRE(question.pools[0].price_usd_per_gpu_hour.has_value());
  const double factor = AnyFactor();
  PlanQuestion scaled = question;
  for (GpuPool& pool : scaled.pools) *pool.price_usd_per_gpu_hour *= factor;
  if (scaled.budget_usd) *scaled.budget_usd *= factor;
  const Solution before = SolveOf(question);
  const Solution after = SolveOf(scaled);
  RC_ASSERT(before.feasible() == after.feasible());
  if (!before.feasible()) return;
  const Plan plan = AssembleChoice(before);
  const Plan plan_scaled = AssembleChoice(after);
  RC_ASSERT(Choice(plan) == Choice(plan_scaled));
  RC_ASSERT(std::abs(*plan_scaled.cost->total_usd / (factor * *plan.cost->total_usd) - 1) < 1e-12);
}

RC_GTEST_PROP(ScaleTest, BoundsInTheOtherConventionChangeNoPlan, ()) {
  PlanQuestion question = AnyQuestion();
  RC_PRE(question.architecture.has_value());
  const double ratio = 0.5 + 0.01 * *rc::gen::inRange(0, 100);
  const auto bounded = [&](ParamCountConvention convention) {
    PlanQuestion variant = question;
    variant.param_count_convention = convention;
    variant.max_param_count = ratio * ParamCount(*question.architecture, convention);
    const Solution solution = SolveOf(variant);
    return solution.feasible() ? Choice(AssembleChoice(solution)) : std::string("infeasible");
  };
  RC_ASSERT(bounded(ParamCountConvention::kTotal) == bounded(ParamCountConvention::kNonEmbedding));
}

RC_GTEST_PROP(PlanTest, TheSameQuestionTwiceIsTheSamePlan, ()) {
  const PlanQuestion question = AnyQuestion();
  RC_PRE(SolveOf(question).feasible());
  const Plan a = MakePlan(question, {}).value();
  const Plan b = MakePlan(question, {}).value();
  RC_ASSERT(Choice(a) == Choice(b));
  RC_ASSERT(a.loss.mean_nats == b.loss.mean_nats);
  RC_ASSERT(a.time->wall_seconds == b.time->wall_seconds);
  RC_ASSERT(a.search.evaluated_count == b.search.evaluated_count);
  RC_ASSERT(a.binding.size() == b.binding.size());
  for (size_t i = 0; i < a.binding.size(); ++i) {
    RC_ASSERT(a.binding[i].text == b.binding[i].text);
    RC_ASSERT(a.binding[i].shadow_price == b.binding[i].shadow_price);
  }
}

bool Within(double value, const std::optional<double>& limit) {
  return value <= limit.value_or(std::numeric_limits<double>::infinity()) * (1 + 1e-9);
}

RC_GTEST_PROP(PlanTest, AFeasiblePlanMeetsEveryConstraint, ()) {
  const PlanQuestion q = AnyQuestion();
  const Solution solution = SolveOf(q);
  RC_PRE(solution.feasible());
  const Plan plan = AssembleChoice(solution);
  const GpuPool& pool = q.pools[static_cast<size_t>(testing_support::PoolIndexOf(plan))];
  const Layout& layout = *plan.layout;
  const double gpus = static_cast<double>(plan.allocation->gpu_count);
  const double tokens = static_cast<double>(plan.token_count);

  RC_ASSERT(ValidateLayout(plan.model, layout).ok());
  RC_ASSERT(layout.gpu_count() == plan.allocation->gpu_count);
  RC_ASSERT(plan.allocation->gpu_count <= pool.gpu_count);
  const CostModel cost(plan.model, pool.gpu,
                       Fabric{pool.gpus_per_node, pool.inter_node_bytes_per_second_per_gpu},
                       q.framework);
  const double p95 = cost.Memory(layout, plan.gradient_accumulation_steps, false).p95_bytes;
  RC_ASSERT(
      Within(p95, static_cast<double>(pool.gpu.memory_bytes) * (1 - q.memory_headroom_fraction)));
  RC_ASSERT(Within(p95, q.max_memory_bytes));

  RC_ASSERT(plan.batch.global_batch_tokens ==
            plan.gradient_accumulation_steps * layout.micro_batch_size * layout.data_parallel_size *
                plan.model.sequence_length);
  RC_ASSERT(plan.batch.global_batch_tokens ==
            q.global_batch_tokens.value_or(plan.batch.global_batch_tokens));
  if (!q.global_batch_tokens) {
    RC_ASSERT(Within(static_cast<double>(plan.batch.global_batch_tokens),
                     4 * plan.batch.critical_batch_tokens));
  }
  RC_ASSERT(plan.token_count == plan.batch.step_count * plan.batch.global_batch_tokens);

  const double wall = plan.time->wall_seconds;
  const double price = pool.price_usd_per_gpu_hour.value_or(0);
  RC_ASSERT(Within(wall, q.deadline_seconds));
  if (pool.max_wall_seconds) {
    RC_ASSERT(Within(wall, static_cast<double>(plan.time->job_count) * *pool.max_wall_seconds));
    RC_ASSERT(plan.time->job_limit_seconds == pool.max_wall_seconds);
  }
  RC_ASSERT(plan.time->job_count <= q.max_job_count.value_or(kMostJobCount));
  RC_ASSERT(Within(wall * gpus / 3600, q.gpu_hours));
  RC_ASSERT(Within(wall * gpus / 3600 * price, q.budget_usd));
  RC_ASSERT(Within(gpus * pool.gpu.board_watts, q.max_power_watts));
  RC_ASSERT(Within(plan.training_flops, q.compute_flops));
  RC_ASSERT(Within(plan.loss.mean_nats, q.target_loss_nats));
  RC_ASSERT(Within(tokens, q.token_count));
  if (q.unique_token_count) {
    RC_ASSERT(Within(tokens, *q.unique_token_count * q.max_epoch_count.value_or(40)));
  }
  const double counted =
      ParamCount(plan.model, q.param_count_convention.value_or(q.law.param_count_convention));
  RC_ASSERT(Within(counted, q.max_param_count));
  RC_ASSERT(counted * (1 + 1e-9) >= q.min_param_count.value_or(0));
  RC_ASSERT(
      Within(2 * ParamCount(plan.model, ParamCountConvention::kTotal), q.serving_memory_bytes));
  RC_ASSERT(layout.tensor_parallel_size <=
            q.layout.max_tensor_parallel_size.value_or(layout.tensor_parallel_size));
}

}  // namespace
}  // namespace rhumb
