// SPDX-License-Identifier: Apache-2.0
#include "planner/plan/check.h"

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/cost_model.h"
#include "tests/matchers.h"
#include "tests/planner/plan/question_fixtures.h"

namespace rhumb {
namespace {

using ::testing::Contains;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::Not;
using testing_support::MakePool;
using testing_support::MakeShape;
using testing_support::RelativelyNear;
using testing_support::StatusIs;

// 6.7B parameters on one node of 8 H100s.
CheckQuestion SevenBillionOnANode() {
  CheckQuestion question;
  question.architecture = MakeShape(32, 32, 32, 128);
  question.pool = MakePool("H100-SXM5-80GB", 8, 8);
  question.framework = *FindFrameworkProfile("megatron");
  return question;
}

CheckAnswer Check(const CheckQuestion& question) {
  absl::StatusOr<CheckAnswer> answer = CheckConfiguration(question);
  EXPECT_TRUE(answer.ok()) << answer.status().ToString();
  return answer.ok() ? *std::move(answer) : CheckAnswer{};
}

std::vector<std::string> Codes(const CheckAnswer& answer) {
  std::vector<std::string> codes;
  for (const Advice& advice : answer.advice) codes.push_back(advice.code);
  return codes;
}

std::string DirectiveOf(const CheckAnswer& answer, const std::string& code) {
  const auto advice = std::find_if(answer.advice.begin(), answer.advice.end(),
                                   [&](const Advice& each) { return each.code == code; });
  return advice == answer.advice.end() ? "no " + code : advice->directive;
}

TEST(CheckTest, UsesEveryGpuGiven) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.tensor_parallel_size = 2;
  const CheckAnswer answer = Check(question);
  EXPECT_EQ(answer.layout.data_parallel_size, 4);
  EXPECT_EQ(answer.layout.gpu_count(), 8);
}

TEST(CheckTest, MemoryIsThatOfTheCostModel) {
  const CheckQuestion question = SevenBillionOnANode();
  const CheckAnswer answer = Check(question);
  const CostModel cost(*question.architecture, question.pool.gpu,
                       Fabric{8, question.pool.inter_node_bytes_per_second_per_gpu},
                       question.framework);
  const MemoryEstimate memory =
      cost.Memory(answer.layout, answer.gradient_accumulation_steps, false);
  EXPECT_EQ(answer.memory.peak_bytes, memory.peak_bytes);
  EXPECT_EQ(answer.memory.p95_bytes, memory.p95_bytes);
  EXPECT_EQ(answer.fits_p95, memory.p95_bytes <= answer.memory.capacity_bytes);
}

TEST(CheckTest, ALargeMicroBatchDoesNotFit) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.micro_batch_size = 64;
  const CheckAnswer answer = Check(question);
  EXPECT_FALSE(answer.fits);
  EXPECT_FALSE(answer.fits_p95);
  EXPECT_THAT(Codes(answer), Contains("DOES_NOT_FIT"));
}

TEST(CheckTest, TheNearestChangeReallyFits) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.micro_batch_size = 64;
  question.layout.recompute = Recompute::kFull;
  const CheckAnswer answer = Check(question);
  const auto change = std::find_if(answer.advice.begin(), answer.advice.end(),
                                   [](const Advice& a) { return a.code == "CHANGE_LAYOUT"; });
  ASSERT_NE(change, answer.advice.end());
  const std::string flag = change->directive.substr(0, change->directive.find(' '));
  const std::string value = change->directive.substr(change->directive.find(' ') + 1);
  if (flag == "--micro-batch-size") question.layout.micro_batch_size = std::stoll(value);
  if (flag == "--zero-stage") question.layout.zero_stage = std::stoll(value);
  if (flag == "--tensor-parallel-size") question.layout.tensor_parallel_size = std::stoll(value);
  if (flag == "--pipeline-parallel-size")
    question.layout.pipeline_parallel_size = std::stoll(value);
  // The batch stays what it was.
  question.global_batch_tokens =
      answer.gradient_accumulation_steps * 64 * answer.layout.data_parallel_size * 2048;
  EXPECT_TRUE(Check(question).fits_p95) << change->directive;
}

TEST(CheckTest, AChangeOfThePipelineSaysWhatBecomesOfVirtualStages) {
  CheckQuestion question = SevenBillionOnANode();
  question.framework.layouts.tensor = false;
  question.framework.layouts.zero_stages = {0};
  question.max_memory_bytes = 45e9;
  question.layout.zero_stage = 0;
  question.layout.recompute = Recompute::kFull;
  question.layout.pipeline_parallel_size = 2;
  question.layout.virtual_pipeline_stages = 2;
  const CheckAnswer answer = Check(question);
  ASSERT_THAT(Codes(answer), Contains("CHANGE_LAYOUT"));
  EXPECT_THAT(DirectiveOf(answer, "CHANGE_LAYOUT"),
              ::testing::HasSubstr("--pipeline-parallel-size 4 --virtual-pipeline-stages 1"));
}

TEST(CheckTest, MoreVirtualStagesShrinkTheBubbleOfAGivenBatch) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.pipeline_parallel_size = 8;
  question.layout.gradient_accumulation_steps = 8;
  EXPECT_EQ(DirectiveOf(Check(question), "PIPELINE_BUBBLE"), "--gradient-accumulation-steps 16");
  question.global_batch_tokens = 8 * 2048;
  EXPECT_EQ(DirectiveOf(Check(question), "PIPELINE_BUBBLE"), "--virtual-pipeline-stages 2");
  question.framework.layouts.max_virtual_stages = 1;
  EXPECT_EQ(DirectiveOf(Check(question), "PIPELINE_BUBBLE"), "");
}

TEST(CheckTest, ShardsAsTheFrameworkDoesByDefault) {
  CheckQuestion question = SevenBillionOnANode();
  EXPECT_EQ(Check(question).layout.zero_stage, 1);
  question.framework = *FindFrameworkProfile("fsdp");
  EXPECT_EQ(Check(question).layout.zero_stage, 3);
}

TEST(CheckTest, AdvisesNothingThatTheFrameworkLacks) {
  CheckQuestion question = SevenBillionOnANode();
  question.framework = *FindFrameworkProfile("deepspeed");
  question.layout.zero_stage = 0;
  EXPECT_THAT(DirectiveOf(Check(question), "CHANGE_LAYOUT"),
              ::testing::Not(::testing::HasSubstr("parallel")));
}

TEST(CheckTest, ARunThatEndsAfterTheDeadlineDoesNotFinish) {
  CheckQuestion question = SevenBillionOnANode();
  question.token_count = 1e12;
  question.deadline_seconds = 86400;
  const CheckAnswer answer = Check(question);
  EXPECT_THAT(answer.finishes, ::testing::Optional(false));
  EXPECT_THAT(Codes(answer), Contains("DOES_NOT_FINISH"));
}

TEST(CheckTest, ARunFinishesByTheDeadlineThatItsOwnWallTimeSets) {
  CheckQuestion question = SevenBillionOnANode();
  question.token_count = 1e10;
  question.deadline_seconds = 1;
  question.deadline_seconds = Check(question).time.wall_seconds;
  EXPECT_THAT(Check(question).finishes, ::testing::Optional(true));
}

TEST(CheckTest, ARunBeyondThePartitionsLimitFinishesAsAChain) {
  CheckQuestion question = SevenBillionOnANode();
  question.token_count = 1e11;
  const double alone = Check(question).time.wall_seconds;
  question.pool.max_wall_seconds = alone / 3;
  const CheckAnswer answer = Check(question);
  EXPECT_THAT(answer.finishes, ::testing::Optional(true));
  EXPECT_EQ(answer.time.job_count, 4);
  EXPECT_GT(answer.time.wall_seconds, alone + 3 * 600);
  EXPECT_THAT(Codes(answer), Contains("CHAINED_JOBS"));
}

TEST(CheckTest, ARunInJobsThatOnlyStartDoesNotFinish) {
  CheckQuestion question = SevenBillionOnANode();
  question.token_count = 1e11;
  question.pool.max_wall_seconds = 600;
  const CheckAnswer answer = Check(question);
  EXPECT_THAT(answer.finishes, ::testing::Optional(false));
  EXPECT_THAT(Codes(answer), Contains("PARTITION_TIME_LIMIT"));
}

TEST(CheckTest, ABudgetBelowTheCostDoesNotFinish) {
  CheckQuestion question = SevenBillionOnANode();
  question.pool.price_usd_per_gpu_hour = 2;
  question.token_count = 1e10;
  question.budget_usd = 1;
  const CheckAnswer answer = Check(question);
  EXPECT_THAT(answer.finishes, ::testing::Optional(false));
  EXPECT_THAT(Codes(answer), Contains("OVER_BUDGET"));
}

TEST(CheckTest, CostIsWallTimeTimesGpusTimesPrice) {
  CheckQuestion question = SevenBillionOnANode();
  question.pool.price_usd_per_gpu_hour = 2.5;
  question.token_count = 1e10;
  const CheckAnswer answer = Check(question);
  EXPECT_THAT(answer.cost->total_usd.value(),
              RelativelyNear(answer.time.wall_seconds / 3600 * 8 * 2.5, 1e-12));
}

TEST(CheckTest, WithoutTokensNothingIsSaidAboutFinishing) {
  EXPECT_FALSE(Check(SevenBillionOnANode()).finishes.has_value());
}

TEST(CheckTest, DegreesMustDivideTheGpus) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.tensor_parallel_size = 16;
  EXPECT_THAT(CheckConfiguration(question),
              StatusIs(absl::StatusCode::kInvalidArgument, "must divide the 8 GPUs"));
}

TEST(CheckTest, ADataParallelSizeThatContradictsTheCountIsRefused) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.data_parallel_size = 3;
  EXPECT_THAT(CheckConfiguration(question),
              StatusIs(absl::StatusCode::kInvalidArgument, "data_parallel_size 3"));
}

TEST(CheckTest, ABatchThatIsNoMultipleIsRefused) {
  CheckQuestion question = SevenBillionOnANode();
  question.global_batch_tokens = 2048 * 9;
  EXPECT_THAT(CheckConfiguration(question), StatusIs(absl::StatusCode::kInvalidArgument,
                                                     "global_batch_tokens must be a multiple"));
}

TEST(CheckTest, WithoutSequenceParallelismEachGpuHoldsMore) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.tensor_parallel_size = 8;
  const CheckAnswer with = Check(question);
  question.sequence_parallel = false;
  const CheckAnswer without = Check(question);
  EXPECT_GT(without.memory.peak.activations_bytes, 1.5 * with.memory.peak.activations_bytes);
  EXPECT_THAT(Codes(without), Contains("SEQUENCE_PARALLEL"));
  EXPECT_THAT(Codes(with), Not(Contains("SEQUENCE_PARALLEL")));
}

TEST(CheckTest, SequenceParallelismThatMakesItFitIsAllThatIsAdvised) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.tensor_parallel_size = 8;
  question.sequence_parallel = false;
  for (int64_t size = 2; size <= 1024; size *= 2) {
    question.layout.micro_batch_size = size;
    question.sequence_parallel = true;
    const bool fits_with = Check(question).fits_p95;
    question.sequence_parallel = false;
    const CheckAnswer answer = Check(question);
    if (!fits_with || answer.fits_p95) continue;
    EXPECT_THAT(Codes(answer), Contains("SEQUENCE_PARALLEL"));
    EXPECT_THAT(Codes(answer), Not(Contains("CHANGE_LAYOUT")));
    return;
  }
  FAIL() << "no micro-batch fits with it only";
}

TEST(CheckTest, SequenceParallelismIsNotAdvisedToAFrameworkWithout) {
  CheckQuestion question = SevenBillionOnANode();
  question.framework = *FindFrameworkProfile("accelerate");
  question.layout.tensor_parallel_size = 8;
  question.sequence_parallel = false;
  EXPECT_THAT(Codes(Check(question)), Not(Contains("SEQUENCE_PARALLEL")));
}

TEST(CheckTest, CommunicationThatIsNotHiddenCostsTimeAndIsAdvisedOn) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.tensor_parallel_size = 4;
  const double hidden = Check(question).time.step_seconds;
  question.overlap_tensor_parallel = false;
  question.overlap_data_parallel = false;
  const CheckAnswer answer = Check(question);
  EXPECT_GT(answer.time.step_seconds, 1.02 * hidden);
  EXPECT_THAT(Codes(answer), Contains("OVERLAP_TENSOR_PARALLEL"));
  EXPECT_THAT(Codes(answer), Contains("OVERLAP_DATA_PARALLEL"));
}

TEST(CheckTest, ExpertsMayBeSplitOverTensorRanks) {
  CheckQuestion question = SevenBillionOnANode();
  question.architecture->expert_count = 8;
  question.architecture->experts_per_token = 2;
  question.architecture->moe_ffn_hidden_size = 1024;
  question.architecture->num_moe_layers = question.architecture->num_layers;
  question.layout.tensor_parallel_size = 2;
  question.layout.expert_parallel_size = 4;
  const double whole = Check(question).memory.peak.weights_bytes;
  question.layout.expert_parallel_size = 2;
  question.expert_tensor_parallel_size = 2;
  EXPECT_THAT(Check(question).memory.peak.weights_bytes, RelativelyNear(whole, 1e-6));
  EXPECT_THAT(ValidateCheckQuestion(question), IsEmpty());
}

// 6.7B replicated on each GPU, in large micro-batches: no one change is enough.
CheckQuestion ReplicatedInLargeMicroBatches() {
  CheckQuestion question = SevenBillionOnANode();
  question.framework = *FindFrameworkProfile("fsdp");
  question.layout.zero_stage = 0;
  question.layout.micro_batch_size = 64;
  question.layout.gradient_accumulation_steps = 2;
  return question;
}

TEST(CheckTest, SeveralChangesOnTheSameGpusComeBeforeMoreGpus) {
  CheckQuestion question = ReplicatedInLargeMicroBatches();
  EXPECT_EQ(DirectiveOf(Check(question), "CHANGE_LAYOUT"),
            "--zero-stage 3 --recompute full --micro-batch-size 1");
  question.layout.zero_stage = 3;
  question.layout.recompute = Recompute::kFull;
  question.layout.micro_batch_size = 1;
  EXPECT_TRUE(Check(question).fits_p95);
}

TEST(CheckTest, MoreGpusComeWithAllThatMustChange) {
  CheckQuestion question = ReplicatedInLargeMicroBatches();
  question.architecture = MakeShape(80, 64, 8, 128);
  EXPECT_EQ(DirectiveOf(Check(question), "MORE_GPUS"),
            "--gpus 16xH100-SXM5-80GB --zero-stage 3 --recompute full --micro-batch-size 1");
}

TEST(CheckTest, AValidQuestionHasNoViolations) {
  EXPECT_THAT(ValidateCheckQuestion(SevenBillionOnANode()), IsEmpty());
}

TEST(CheckTest, NeitherArchitectureNorSizeIsAViolation) {
  CheckQuestion question = SevenBillionOnANode();
  question.architecture.reset();
  EXPECT_THAT(ValidateCheckQuestion(question),
              Contains(Field(&FieldViolation::field, "architecture")));
}

TEST(CheckTest, ALayoutThatDoesNotDivideIsAViolationOfTheLayout) {
  CheckQuestion question = SevenBillionOnANode();
  question.layout.tensor_parallel_size = 3;
  EXPECT_THAT(ValidateCheckQuestion(question), Contains(Field(&FieldViolation::field, "layout")));
}

}  // namespace
}  // namespace rhumb
