// SPDX-License-Identifier: Apache-2.0
#include "client/cli/render_plan.h"

#include <string>

#include "client/cli/render_check.h"
#include "client/cli/report.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "rhumb/v1/plan.pb.h"
#include "rhumb/v1/plan_service.pb.h"

namespace rhumb::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr double kGibibyte = 1024.0 * 1024 * 1024;

v1::Plan FeasiblePlan() {
  v1::Plan plan;
  plan.set_name("plans/p-1");
  plan.set_state(v1::Plan::STATE_FEASIBLE);
  plan.mutable_law()->set_name("laws/besiroglu2024");
  plan.mutable_law()->set_param_count_convention(v1::PARAM_COUNT_CONVENTION_TOTAL);
  plan.mutable_law()->set_flops_convention(v1::FLOPS_CONVENTION_SIX_ND);
  plan.mutable_model()->set_param_count(7'910'000'000);
  plan.mutable_model()->set_num_layers(32);
  plan.mutable_model()->set_hidden_size(4096);
  plan.mutable_model()->set_num_attention_heads(32);
  plan.mutable_model()->set_num_key_value_heads(8);
  plan.mutable_model()->set_head_dim(128);
  plan.mutable_model()->set_vocab_size(128256);
  plan.set_token_count(412'000'000'000);
  plan.set_tokens_per_param(52.1);
  plan.set_training_flops(1.95e22);
  plan.mutable_loss()->set_mean_nats(2.0521);
  plan.mutable_loss()->set_low_nats(2.0412);
  plan.mutable_loss()->set_high_nats(2.0671);
  plan.mutable_loss()->set_level(0.9);
  plan.mutable_allocation()->set_gpu_type("H100-SXM5-80GB");
  plan.mutable_allocation()->set_gpu_count(256);
  plan.mutable_allocation()->set_node_count(32);
  plan.mutable_allocation()->set_gpus_per_node(8);
  plan.mutable_time()->set_wall_seconds(20 * 86400.0 + 22 * 3600);
  return plan;
}

v1::Plan InfeasiblePlan() {
  v1::Plan plan;
  plan.set_state(v1::Plan::STATE_INFEASIBLE);
  plan.mutable_infeasibility()->add_conflict("deadline_seconds");
  plan.mutable_infeasibility()->add_conflict("target_loss_nats");
  v1::Plan::Relaxation& relaxation = *plan.mutable_infeasibility()->add_relaxations();
  relaxation.set_constraint("deadline_seconds");
  relaxation.set_from(60);
  relaxation.set_to(1234567.5);
  relaxation.set_text("raise the deadline from 60 s to 14 d 6 h");
  return plan;
}

std::string Rendered(const v1::Plan& plan) { return RenderPlan(plan, {}, {.width = 100}); }

TEST(RenderPlanTest, TheSentenceSaysModelTokensGpusTimeAndLoss) {
  EXPECT_EQ(PlanSentence(FeasiblePlan()),
            "Train a 7.91B model on 412B tokens with 256 H100-SXM5-80GB for 20 d 22 h: "
            "expected loss 2.052 nats per token (90%: 2.041-2.067).");
}

TEST(RenderPlanTest, WithoutHardwareTheSentenceSaysNothingOfIt) {
  v1::Plan plan = FeasiblePlan();
  plan.clear_allocation();
  plan.clear_time();
  EXPECT_THAT(PlanSentence(plan), HasSubstr("on 412B tokens: expected loss"));
}

TEST(RenderPlanTest, WithoutAnIntervalNoneIsShown) {
  v1::Plan plan = FeasiblePlan();
  plan.mutable_loss()->clear_low_nats();
  EXPECT_THAT(PlanSentence(plan), Not(HasSubstr("90%")));
}

TEST(RenderPlanTest, TheCostIsInTheSentenceIfThereIsAPrice) {
  v1::Plan plan = FeasiblePlan();
  plan.mutable_cost()->set_total_usd(321'000);
  EXPECT_THAT(PlanSentence(plan), HasSubstr("for 20 d 22 h and $321k"));
}

TEST(RenderPlanTest, ACostWithoutAPriceSaysSo) {
  v1::Plan plan = FeasiblePlan();
  plan.mutable_cost()->set_gpu_hours(128'000);
  EXPECT_THAT(Rendered(plan), HasSubstr("no price known, 128k GPU-hours"));
}

TEST(RenderPlanTest, NumbersCarryTheirConventions) {
  const std::string text = Rendered(FeasiblePlan());
  EXPECT_THAT(text, HasSubstr("1.95e22 FLOP (6ND)"));
  EXPECT_THAT(text, HasSubstr("by besiroglu2024, N total"));
}

TEST(RenderPlanTest, WhatIsAbsentIsNotShown) {
  const std::string text = Rendered(FeasiblePlan());
  EXPECT_THAT(text, Not(HasSubstr("Memory")));
  EXPECT_THAT(text, Not(HasSubstr("Cost")));
}

TEST(RenderPlanTest, AnInfeasibleQuestionNamesTheFlagsInConflict) {
  EXPECT_EQ(PlanSentence(InfeasiblePlan()),
            "No plan meets this question: --deadline (deadline_seconds) and --target-loss "
            "(target_loss_nats) cannot be "
            "met together.");
}

// Rounded away from the value that was too tight: 1234567.5 s are 14 d 6.94 h.
TEST(RenderPlanTest, ARelaxationIsTheFlagToWrite) {
  EXPECT_THAT(Rendered(InfeasiblePlan()), HasSubstr("--deadline 14d7h: raise the deadline"));
}

v1::Plan RelaxedBy(const char* constraint, double from, double to) {
  v1::Plan plan = InfeasiblePlan();
  v1::Plan::Relaxation& relaxation = *plan.mutable_infeasibility()->mutable_relaxations(0);
  relaxation.set_constraint(constraint);
  relaxation.set_from(from);
  relaxation.set_to(to);
  relaxation.set_text("do so");
  return plan;
}

TEST(RenderPlanTest, ARelaxationIsRoundedToTheLooserSide) {
  EXPECT_THAT(Rendered(RelaxedBy("budget_usd", 1, 25300.01)), HasSubstr("--budget 25.31K: do so"));
  EXPECT_THAT(Rendered(RelaxedBy("min_param_count", 7e9, 1234567890)),
              HasSubstr("--min-param-count 1.234B: do so"));
  EXPECT_THAT(Rendered(RelaxedBy("target_loss_nats", 1.5, 1.76543)),
              HasSubstr("--target-loss 1.766: do so"));
}

TEST(RenderPlanTest, ABatchIsRelaxedToTheTokenAsItMustDivide) {
  EXPECT_THAT(Rendered(RelaxedBy("global_batch_tokens", 8192e4, 1236992)),
              HasSubstr("--batch-tokens 1236992: do so"));
}

TEST(RenderPlanTest, MoreGpusAreAFlagWhereTheQuestionHasOnePool) {
  const v1::Plan plan = RelaxedBy("gpu_count", 8, 13184);
  v1::CreatePlanRequest question;
  question.add_gpu_pools()->set_gpu_type("H100-SXM5-80GB");
  question.mutable_gpu_pools(0)->set_price_usd_per_gpu_hour(2.5);
  EXPECT_THAT(RenderPlan(plan, {.question = &question}, {.width = 100}),
              HasSubstr("--gpus 13184xH100-SXM5-80GB@2.5: do so"));
  question.add_gpu_pools()->set_gpu_type("L40S-48GB");
  EXPECT_THAT(RenderPlan(plan, {.question = &question}, {.width = 100}), Not(HasSubstr("--gpus")));
  EXPECT_THAT(Rendered(plan), Not(HasSubstr("--gpus")));
}

TEST(RenderPlanTest, AFixedSizeHasNoFlatRegion) {
  v1::Plan plan = FeasiblePlan();
  v1::Plan::LawOptimum& optimum = *plan.mutable_law_optimum();
  optimum.set_param_count_low_0p1pct(7e9);
  optimum.set_param_count_high_0p1pct(7e9);
  optimum.set_param_count_low_1pct(7e9);
  optimum.set_param_count_high_1pct(7e9);
  EXPECT_THAT(Rendered(plan), Not(HasSubstr("flat region")));
  optimum.set_param_count_high_1pct(8e9);
  EXPECT_THAT(Rendered(plan), HasSubstr("flat region: within 1% from 7.00B to 8.00B"));
}

TEST(RenderPlanTest, AMixtureOfExpertsSaysWhereActiveParametersAreMeant) {
  v1::Plan plan = FeasiblePlan();
  plan.mutable_model()->set_expert_count(8);
  plan.mutable_model()->set_active_param_count(2'000'000'000);
  plan.mutable_law_optimum()->set_param_count(2e9);
  const std::string text = Rendered(plan);
  EXPECT_THAT(text, HasSubstr("Train a 7.91B model (2.00B active) on"));
  EXPECT_THAT(text, HasSubstr("52.1 per active parameter"));
  EXPECT_THAT(text, HasSubstr("N active (total)"));
  EXPECT_THAT(text, HasSubstr("2.00B active on"));
  EXPECT_THAT(Rendered(FeasiblePlan()), Not(HasSubstr("active")));
}

TEST(RenderPlanTest, AlternativesAreATable) {
  v1::Plan plan = FeasiblePlan();
  v1::Plan::Alternative& other = *plan.add_alternatives();
  other.set_text("cheapest within 1.0% of this plan's loss");
  other.set_param_count(7'000'000'000);
  other.set_token_count(140'000'000'000);
  other.set_loss_nats(2.07);
  other.set_gpu_type("H100-SXM5-80GB");
  other.set_gpu_count(64);
  other.set_wall_seconds(86400);
  other.set_total_usd(91500);
  EXPECT_THAT(
      Rendered(plan),
      HasSubstr("  ALTERNATIVE     MODEL  TOKENS   LOSS  GPUS               WALL    COST\n"
                "  cheapest, 1.0%  7.00B    140B  2.070  64xH100-SXM5-80GB   1 d  $91.5k\n"));
}

TEST(RenderPlanTest, ExponentsInServerTextsAreInTheTablesStyle) {
  v1::Plan plan = FeasiblePlan();
  plan.add_warnings()->set_text("7.73e+22 FLOP at 1.97e-05, size+2");
  EXPECT_THAT(Rendered(plan), HasSubstr("7.73e22 FLOP at 1.97e-5, size+2"));
}

TEST(RenderPlanTest, WarningsCarryTheirCode) {
  v1::Plan plan = FeasiblePlan();
  plan.add_warnings()->set_code("FLAT_OPTIMUM");
  plan.mutable_warnings(0)->set_text("any size will do");
  EXPECT_THAT(Rendered(plan), HasSubstr("any size will do [FLAT_OPTIMUM]"));
}

TEST(RenderPlanTest, ExplainShowsWhereTheStepGoes) {
  v1::Plan plan = FeasiblePlan();
  plan.mutable_time()->set_step_seconds(10);
  plan.mutable_time()->mutable_step_breakdown()->set_compute_seconds(8);
  plan.mutable_time()->mutable_step_breakdown()->set_data_parallel_seconds(2);
  EXPECT_THAT(RenderPlan(plan, {.explain = true}, {}),
              HasSubstr("compute 80.0%, data parallel 20.0%"));
}

TEST(RenderPlanTest, ExplainTellsOtherMemoryApart) {
  v1::Plan plan = FeasiblePlan();
  v1::MemoryPlan& memory = *plan.mutable_memory();
  memory.set_capacity_bytes(80 * 1073741824.0);
  memory.set_other_bytes(6 * 1073741824.0);
  memory.set_logits_bytes(1 * 1073741824.0);
  memory.set_workspace_bytes(2 * 1073741824.0);
  memory.set_counter_bytes(3 * 1073741824.0);
  EXPECT_THAT(RenderPlan(plan, {.explain = true}, {.width = 200}),
              HasSubstr("other 6.00 GiB = logits 1.00 GiB + workspace 2.00 GiB + allocator and "
                        "device context 3.00 GiB"));
  EXPECT_THAT(Rendered(plan), Not(HasSubstr("= logits")));
}

TEST(RenderPlanTest, ExplainShowsTheBestLayoutsBesideEachOther) {
  v1::Plan plan = FeasiblePlan();
  for (const double bubble : {0.5, 2.5}) {
    v1::Plan::LayoutChoice& choice = *plan.add_best_layouts();
    choice.mutable_layout()->set_pipeline_parallel_size(4);
    choice.mutable_layout()->set_tensor_parallel_size(1);
    choice.set_step_seconds(10);
    choice.mutable_step_breakdown()->set_compute_seconds(10 - bubble);
    choice.mutable_step_breakdown()->set_pipeline_bubble_seconds(bubble);
  }
  const std::string text = RenderPlan(plan, {.explain = true}, {});
  EXPECT_THAT(text, HasSubstr("LAYOUT  PP  ZERO"));  // no column of degrees that are all 1
  EXPECT_THAT(text, HasSubstr("LAYOUT  COMPUTE  PP BUBBLE\n"));
  EXPECT_THAT(text, HasSubstr("75.0%      25.0%"));
  EXPECT_THAT(Rendered(plan), Not(HasSubstr("PP BUBBLE")));
}

TEST(RenderPlanTest, ASweepHasARowAValue) {
  const Table table = PlansTable({FeasiblePlan(), InfeasiblePlan()}, "--deadline", {"21d", "1m"});
  EXPECT_EQ(table.columns[0].title, "--deadline");
  ASSERT_EQ(table.rows.size(), 2u);
  EXPECT_EQ(table.rows[0][0], "21d");
  EXPECT_EQ(table.rows[1][2], "infeasible");
  EXPECT_EQ(table.rows[0].size(), table.columns.size());
}

v1::MemoryPlan Memory(double weights_gib, double activations_gib, double capacity_gib) {
  v1::MemoryPlan memory;
  memory.set_weights_bytes(weights_gib * kGibibyte);
  memory.set_activations_bytes(activations_gib * kGibibyte);
  memory.set_peak_bytes((weights_gib + activations_gib) * kGibibyte);
  memory.set_capacity_bytes(capacity_gib * kGibibyte);
  memory.set_headroom_bytes(memory.capacity_bytes() - memory.peak_bytes());
  return memory;
}

std::string Bar(const v1::MemoryPlan& memory, bool utf8) {
  Report report({.utf8 = utf8});
  report.MemoryBar(memory);
  const std::string text = report.text();
  return text.substr(text.find('['), text.find(']') - text.find('[') + 1);
}

TEST(MemoryBarTest, PartsFillTheirShareOfTheCapacity) {
  EXPECT_EQ(Bar(Memory(20, 20, 80), false),
            "[" + std::string(14, '#') + std::string(14, ':') + std::string(28, '.') + "]");
}

TEST(MemoryBarTest, TooMuchIsDrawnBeyondAMarkAtTheCapacity) {
  EXPECT_EQ(Bar(Memory(40, 72, 56), false),
            "[" + std::string(20, '#') + std::string(8, ':') + "|" + std::string(27, ':') + "]");
}

TEST(MemoryBarTest, UnicodeBlocksNeedAUnicodeTerminal) {
  EXPECT_THAT(Bar(Memory(20, 20, 80), true), HasSubstr("█"));
  EXPECT_THAT(Bar(Memory(20, 20, 80), false), Not(HasSubstr("█")));
}

TEST(RenderCheckTest, WhatDoesNotFitSaysByHowMuchAndWhatToChange) {
  v1::CheckConfigurationResponse answer;
  *answer.mutable_memory() = Memory(60, 40, 80);
  answer.add_advice()->set_text("halve the weights of a GPU");
  answer.mutable_advice(0)->set_directive("--tensor-parallel-size 2");
  const std::string text = RenderCheck(answer, {.level = 0.9}, {.width = 100});
  EXPECT_THAT(
      text,
      HasSubstr("It does not fit: 100 GiB of 80.0 GiB on the fullest GPU, 20.0 GiB too much."));
  EXPECT_THAT(text, HasSubstr("halve the weights of a GPU (--tensor-parallel-size 2)"));
}

TEST(RenderCheckTest, WhatFitsAndFinishesSaysBoth) {
  v1::CheckConfigurationResponse answer;
  answer.set_fits(true);
  answer.set_fits_p95(true);
  answer.set_finishes(true);
  *answer.mutable_memory() = Memory(20, 20, 80);
  answer.mutable_time()->set_wall_seconds(86400);
  EXPECT_THAT(RenderCheck(answer, {.level = 0.9}, {.width = 200}),
              HasSubstr("40.0 GiB to spare. It finishes: it takes 1 d."));
}

TEST(RenderCheckTest, AChainIsSaidInJobs) {
  v1::CheckConfigurationResponse answer;
  answer.set_fits(true);
  answer.set_fits_p95(true);
  answer.set_finishes(true);
  *answer.mutable_memory() = Memory(20, 20, 80);
  answer.mutable_time()->set_wall_seconds(86400);
  answer.mutable_time()->set_job_count(3);
  answer.mutable_time()->set_job_limit_seconds(36000);
  const std::string text = RenderCheck(answer, {.level = 0.9}, {.width = 200});
  EXPECT_THAT(text, HasSubstr("It finishes: it takes 1 d in 3 jobs."));
  EXPECT_THAT(text, HasSubstr("runs as 3 jobs of at most 10 h each"));
}

TEST(RenderCheckTest, WithoutTokensOnlyAStepIsTimed) {
  v1::CheckConfigurationResponse answer;
  answer.set_fits(true);
  *answer.mutable_memory() = Memory(20, 20, 80);
  answer.mutable_time()->set_step_seconds(2);
  answer.mutable_time()->set_train_seconds(2);
  answer.mutable_time()->set_wall_seconds(2);
  answer.mutable_time()->set_wall_low_seconds(1);
  answer.mutable_time()->set_wall_high_seconds(3);
  answer.mutable_time()->set_mfu(0.4);
  answer.mutable_cost()->set_total_usd(1);
  const std::string one_step =
      RenderCheck(answer, {.level = 0.9, .whole_run = false}, {.width = 200});
  EXPECT_THAT(one_step, HasSubstr("Time           2 s a step (90%: 1 s to 3 s), MFU 40.0%"));
  EXPECT_THAT(one_step, Not(HasSubstr("Cost")));
  EXPECT_THAT(RenderCheck(answer, {.level = 0.9}, {.width = 200}),
              HasSubstr("Time           2 s (90%: 1 s to 3 s)"));
}

}  // namespace
}  // namespace rhumb::cli
