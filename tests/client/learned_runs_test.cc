// SPDX-License-Identifier: Apache-2.0
// Finished runs as rows of calibrations and as observations of laws.
#include "client/cli/learned_runs.h"
#include "client/cli/learned_observations.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/cost/measured_run.h"
#include "proto/convert/architecture_message.h"
#include "proto/convert/calibration_message.h"
#include "tests/matchers.h"

namespace rhumb::cli {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ModelShape Shape(int64_t layers, int64_t hidden) {
  ModelShape shape;
  shape.num_layers = layers;
  shape.hidden_size = hidden;
  shape.head_dim = 64;
  shape.num_attention_heads = shape.num_key_value_heads = hidden / 64;
  shape.ffn_hidden_size = 4 * hidden;
  shape.vocab_size = 50304;
  shape.sequence_length = 2048;
  return shape;
}

void SetActual(v1::Run& run, const std::string& quantity, double value) {
  v1::RunComparison& comparison = *run.add_comparisons();
  comparison.set_quantity(quantity);
  comparison.set_actual(value);
}

// A run of `shape` on 8 H100 that succeeded and told of a step of `step_seconds`.
FinishedRun Finished(int number, const ModelShape& shape, double step_seconds,
                     const std::string& framework = "megatron") {
  FinishedRun finished;
  v1::Run& run = finished.run;
  run.set_name(absl::StrCat("runs/r-", number));
  run.set_plan(absl::StrCat("plans/p-", number));
  run.set_state(v1::RUN_STATE_SUCCEEDED);
  run.mutable_end_time()->set_seconds(1000 + number);
  SetActual(run, "step_seconds", step_seconds);
  run.mutable_last_sample()->set_token_count(1'000'000'000);
  run.mutable_last_sample()->set_step(1000);
  SetActual(run, "loss_nats", 3.0);
  run.mutable_settings()->set_learn(true);
  run.mutable_settings()->set_tokenizer("llama3");
  run.mutable_settings()->set_dataset("text");
  v1::Plan& plan = finished.plan.emplace();
  plan.set_name(run.plan());
  plan.set_state(v1::Plan::STATE_FEASIBLE);
  plan.set_token_count(1'000'000'000);
  *plan.mutable_model() = convert::ToProto(shape, ParamCountConvention::kTotal);
  v1::Layout& layout = *plan.mutable_layout();
  layout.set_framework(framework);
  layout.set_tensor_parallel_size(1);
  layout.set_pipeline_parallel_size(1);
  layout.set_context_parallel_size(1);
  layout.set_expert_parallel_size(1);
  layout.set_data_parallel_size(8);
  layout.set_virtual_pipeline_stages(1);
  layout.set_zero_stage(1);
  layout.set_micro_batch_size(2);
  layout.set_gradient_accumulation_steps(4);
  layout.set_precision(v1::PRECISION_BF16);
  layout.set_recompute(v1::RECOMPUTE_NONE);
  v1::Plan::Allocation& allocation = *plan.mutable_allocation();
  allocation.set_gpu_type("H100-SXM5-80GB");
  allocation.set_gpu_count(8);
  allocation.set_node_count(1);
  allocation.set_gpus_per_node(8);
  plan.mutable_batch()->set_global_batch_size(64);
  plan.mutable_batch()->set_global_batch_tokens(64 * 2048);
  return finished;
}

// Runs of twelve models whose steps took `factor` times what the shipped model says.
std::vector<FinishedRun> SlowRuns(double factor) {
  std::vector<FinishedRun> runs;
  for (int i = 0; i < 12; ++i) {
    FinishedRun run = Finished(i, Shape(12 + 4 * (i / 4), 1024 + 512 * (i % 4)), 1);
    const RunTables tables = JudgeFinishedRuns({run}, GpuCatalog(), "", nullptr);
    const double predicted = tables.runs[0].prediction->step_seconds;
    run.run.mutable_comparisons(0)->set_actual(factor * predicted);
    runs.push_back(run);
  }
  return runs;
}

std::string DefectOf(const FinishedRun& run) {
  const RunTables tables = JudgeFinishedRuns({run}, GpuCatalog(), "", nullptr);
  if (tables.runs.size() != 1) return "no row";
  return tables.runs[0].row.defect.reason;
}

TEST(LearnedRunsTest, SlowRunsMakeACalibrationThatPredictsOthers) {
  const RunTables tables = JudgeFinishedRuns(SlowRuns(1.25), GpuCatalog(), "", nullptr);
  const auto fit = FitCalibration(tables, [](double, absl::string_view) { return true; });
  ASSERT_THAT(fit, IsOk());
  ASSERT_EQ(fit->calibration.families_size(), 1);
  const v1::CalibratedFamily& family = fit->calibration.families(0);
  EXPECT_EQ(family.run_count(), 12);
  EXPECT_NEAR(family.default_error_fraction(), std::log(1.25), 1e-3);
  // Of runs that the constants were not fitted on.
  EXPECT_LT(family.left_out_error_fraction(), 0.1 * family.default_error_fraction());
  const TimeCalibration calibration = convert::FromProto(fit->calibration);
  const FinishedRun other = Finished(99, Shape(20, 1792), 1);
  const double shipped =
      JudgeFinishedRuns({other}, GpuCatalog(), "", nullptr).runs[0].prediction->step_seconds;
  const double calibrated =
      JudgeFinishedRuns({other}, GpuCatalog(), "", &calibration).runs[0].prediction->step_seconds;
  EXPECT_NEAR(calibrated / shipped, 1.25, 0.03);
}

TEST(LearnedRunsTest, RunsAsPlannedGainNothingAndSaySo) {
  const RunTables tables = JudgeFinishedRuns(SlowRuns(1), GpuCatalog(), "", nullptr);
  const auto fit = FitCalibration(tables, [](double, absl::string_view) { return true; });
  ASSERT_THAT(fit, IsOk());
  EXPECT_THAT(RemarksOnGain(fit->calibration), ElementsAre(HasSubstr("not worth adopting")));
}

TEST(LearnedRunsTest, ACalibrationThatHelpsNeedsNoRemark) {
  v1::Calibration calibration;
  v1::CalibratedFamily& family = *calibration.add_families();
  family.set_family("hopper");
  family.set_default_error_fraction(0.2);
  family.set_left_out_error_fraction(0.05);
  EXPECT_THAT(RemarksOnGain(calibration), IsEmpty());
}

TEST(LearnedRunsTest, OneFrameworkCanBeChosen) {
  const std::vector<FinishedRun> runs = {Finished(1, Shape(12, 1024), 1),
                                         Finished(2, Shape(12, 1024), 1, "torchtitan")};
  const RunTables tables = JudgeFinishedRuns(runs, GpuCatalog(), "torchtitan", nullptr);
  ASSERT_THAT(tables.runs, SizeIs(1));
  EXPECT_EQ(tables.runs[0].row.row_id, "runs/r-2");
}

TEST(LearnedRunsTest, RunsOfOneClusterAndFrameworkAreATable) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  run.run.add_jobs()->set_cluster("clusters/mine");
  EXPECT_EQ(JudgeFinishedRuns({run}, GpuCatalog(), "", nullptr).runs[0].table, "mine megatron");
}

TEST(LearnedRunsTest, MemoryIsMeasuredToo) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  SetActual(run.run, "peak_memory_bytes", 2e10);
  const RunTables tables = JudgeFinishedRuns({run}, GpuCatalog(), "", nullptr);
  EXPECT_EQ(tables.runs[0].row.run->peak_bytes, 2e10);
}

TEST(LearnedRunsTest, ARunWithoutAPlanTeachesNoSteps) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  run.plan.reset();
  EXPECT_THAT(DefectOf(run), HasSubstr("no plan"));
}

TEST(LearnedRunsTest, ARunWithoutStepTimesTeachesNoSteps) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  run.run.clear_comparisons();
  EXPECT_THAT(DefectOf(run), HasSubstr("no step times"));
}

TEST(LearnedRunsTest, ARunThatWasPlannedAnewIsOfSeveralLayouts) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  run.run.add_replans();
  EXPECT_THAT(DefectOf(run), HasSubstr("several layouts"));
}

TEST(LearnedRunsTest, ARunOnOtherGpusThanPlannedIsNotOfItsPlan) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  SetActual(run.run, "gpu_count", 4);
  EXPECT_THAT(DefectOf(run), HasSubstr("ran on 4 GPUs, its plan has 8"));
}

TEST(LearnedRunsTest, ARunInAnotherBatchIsNotOfItsPlan) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  run.run.mutable_settings()->set_global_batch_tokens(4096);
  EXPECT_THAT(DefectOf(run), HasSubstr("another batch"));
}

TEST(LearnedRunsTest, AnUnknownGpuIsSaid) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  run.plan->mutable_allocation()->set_gpu_type("gone");
  EXPECT_THAT(DefectOf(run), HasSubstr("gone is not known any more"));
}

// --- observations

absl::StatusOr<LearnedObservations> Learn(const std::vector<FinishedRun>& runs,
                                          const std::string& tokenizer = "",
                                          v1::ImportObservationsRequest header = {},
                                          LossKind kind = LossKind::kTraining) {
  return ObservationsOfRuns(runs, header, tokenizer, "", kind, [](const v1::Run& run) {
    RunSampleFacts facts = {.peak_learning_rate = 3e-4};
    if (run.name() == "runs/r-3") return facts;
    facts.validation_loss_nats = 3.1;
    facts.validation_token_count = run.name() == "runs/r-2" ? 500'000'000 : 1'000'000'000;
    return facts;
  });
}

TEST(LearnedObservationsTest, TheEndOfARunIsARow) {
  const ModelShape shape = Shape(12, 1024);
  const auto learned = Learn({Finished(1, shape, 1)});
  ASSERT_THAT(learned, IsOk());
  ASSERT_EQ(learned->rows.observations.size(), 1);
  const v1::Observation& row = learned->rows.observations[0];
  EXPECT_EQ(row.param_count(), static_cast<double>(CountParams(shape).total));
  EXPECT_EQ(row.token_count(), 1e9);
  EXPECT_EQ(row.loss_nats(), 3.0);
  EXPECT_EQ(row.global_batch_tokens(), 64 * 2048);
  EXPECT_EQ(row.learning_rate(), 3e-4);
  EXPECT_EQ(row.step_count(), 1000);
  EXPECT_EQ(row.run(), "runs/r-1");
  EXPECT_EQ(learned->header.observation_set().tokenizer(), "llama3");
  EXPECT_EQ(learned->header.observation_set().dataset(), "text");
}

TEST(LearnedObservationsTest, AValidationLossIsThatOfTheEnd) {
  std::vector<FinishedRun> runs;
  for (int number = 1; number <= 3; ++number) runs.push_back(Finished(number, Shape(12, 1024), 1));
  const auto learned = Learn(runs, "", {}, LossKind::kValidation);
  ASSERT_THAT(learned, IsOk());
  ASSERT_EQ(learned->rows.observations.size(), 1);
  EXPECT_EQ(learned->rows.observations[0].loss_nats(), 3.1);
  ASSERT_THAT(learned->unused, SizeIs(2));
  EXPECT_THAT(learned->unused[0].reason, HasSubstr("is of 5e+08 of 1e+09 tokens"));
  EXPECT_THAT(learned->unused[1].reason, HasSubstr("no validation loss"));
}

TEST(LearnedObservationsTest, ParametersCountAsTheLawDoes) {
  const ModelShape shape = Shape(12, 1024);
  v1::ImportObservationsRequest header;
  header.mutable_observation_set()->set_param_count_convention(
      v1::PARAM_COUNT_CONVENTION_NON_EMBEDDING);
  const auto learned = Learn({Finished(1, shape, 1)}, "", header);
  ASSERT_THAT(learned, IsOk());
  EXPECT_EQ(learned->rows.observations[0].param_count(),
            static_cast<double>(CountParams(shape).non_embedding));
}

TEST(LearnedObservationsTest, WhoDidNotOptInIsNotLearntFrom) {
  FinishedRun run = Finished(1, Shape(12, 1024), 1);
  run.run.mutable_settings()->set_learn(false);
  EXPECT_THAT(Learn({run}), StatusIs(kInvalid, "settings.learn"));
}

TEST(LearnedObservationsTest, ARunThatFailedIsOfMidSchedule) {
  FinishedRun failed = Finished(1, Shape(12, 1024), 1);
  failed.run.set_state(v1::RUN_STATE_FAILED);
  const auto learned = Learn({failed, Finished(2, Shape(12, 1024), 1)});
  ASSERT_THAT(learned, IsOk());
  EXPECT_EQ(learned->rows.observations.size(), 1);
  ASSERT_THAT(learned->unused, SizeIs(1));
  EXPECT_THAT(learned->unused[0].reason, HasSubstr("mid-schedule"));
}

TEST(LearnedObservationsTest, ARunThatEndedEarlyIsOfMidSchedule) {
  FinishedRun early = Finished(1, Shape(12, 1024), 1);
  early.run.mutable_last_sample()->set_token_count(500'000'000);
  EXPECT_THAT(Learn({early}), StatusIs(kInvalid, "ended after 5e+08 of 1e+09 tokens"));
}

TEST(LearnedObservationsTest, LossesOfSeveralTokenizersAreRefused) {
  FinishedRun other = Finished(2, Shape(12, 1024), 1);
  other.run.mutable_settings()->set_tokenizer("gpt2");
  const std::vector<FinishedRun> runs = {Finished(1, Shape(12, 1024), 1), other};
  EXPECT_THAT(Learn(runs), StatusIs(kInvalid, "gpt2, llama3; choose one with --tokenizer"));
  const auto chosen = Learn(runs, "gpt2");
  ASSERT_THAT(chosen, IsOk());
  EXPECT_EQ(chosen->rows.observations[0].run(), "runs/r-2");
}

TEST(LearnedObservationsTest, ABareRunSaysItsParametersItself) {
  FinishedRun bare = Finished(1, Shape(12, 1024), 1);
  bare.plan.reset();
  bare.run.mutable_settings()->set_param_count(123'000'000);
  bare.run.mutable_settings()->set_global_batch_tokens(4096);
  const auto learned = Learn({bare});
  ASSERT_THAT(learned, IsOk());
  EXPECT_EQ(learned->rows.observations[0].param_count(), 123e6);
  EXPECT_EQ(learned->rows.observations[0].global_batch_tokens(), 4096);
}

}  // namespace
}  // namespace rhumb::cli
