// SPDX-License-Identifier: Apache-2.0
#include "client/launch/job_question.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rhumb::launch {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Property;

JobFacts MakeFacts() {
  JobFacts facts;
  facts.framework = JobFramework::kMegatron;
  facts.gpu_type = Fact<std::string>{"H100-SXM5-80GB", 3, "#SBATCH --gres=gpu:h100-sxm5:8"};
  facts.gpu_count = Fact<int64_t>{16, 9, "--nproc-per-node 8, --nnodes 2"};
  facts.gpus_per_node = Fact<int64_t>{8, 3, "#SBATCH --gres=gpu:h100-sxm5:8"};
  facts.time_limit_seconds = Fact<double>{86400, 4, "#SBATCH --time=1-00:00:00"};
  facts.has_model = true;
  facts.model.set_num_layers(16);
  facts.sequence_length = Fact<int64_t>{4096, 7, "--seq-length 4096"};
  facts.micro_batch_size = Fact<int64_t>{2, 7, "--micro-batch-size 2"};
  facts.global_batch_size = Fact<int64_t>{128, 7, "--global-batch-size 128"};
  facts.step_count = Fact<int64_t>{1000, 8, "--train-iters 1000"};
  facts.zero_stage = Fact<int64_t>{1, 8, "--use-distributed-optimizer"};
  return facts;
}

TEST(JobQuestionTest, JobsOfAChainHaveTheirTimeTogether) {
  JobFacts facts = MakeFacts();
  facts.job_count = 3;
  EXPECT_EQ(MakeJobQuestion(facts, {}, "").request.deadline_seconds(), 3 * 86400);
}

TEST(JobQuestionTest, BatchAndLengthAreCountedInTokens) {
  const JobQuestion question = MakeJobQuestion(MakeFacts(), {}, "");
  EXPECT_THAT(question.missing, IsEmpty());
  EXPECT_EQ(question.request.global_batch_tokens(), 128 * 4096);
  EXPECT_EQ(question.request.token_count(), 1000 * 128 * 4096);
  EXPECT_EQ(question.request.deadline_seconds(), 86400);
  EXPECT_EQ(question.request.gpu_pool().count(), 16);
  EXPECT_EQ(question.request.gpu_pool().gpus_per_node(), 8);
}

TEST(JobQuestionTest, FlagsWinAndThatIsSaid) {
  v1::CheckConfigurationRequest given;
  given.set_sequence_length(8192);
  const JobQuestion question = MakeJobQuestion(MakeFacts(), given, "");
  EXPECT_EQ(question.request.sequence_length(), 8192);
  // Sequences stay sequences.
  EXPECT_EQ(question.request.global_batch_tokens(), 128 * 8192);
  EXPECT_THAT(question.read, Contains(AllOf(Field(&ReadFact::text, "--seq-length 4096"),
                                            Field(&ReadFact::overruled, true))));
}

TEST(JobQuestionTest, AccumulationByAFlagReplacesTheBatch) {
  v1::CheckConfigurationRequest given;
  given.mutable_layout()->set_gradient_accumulation_steps(3);
  const JobQuestion question = MakeJobQuestion(MakeFacts(), given, "");
  EXPECT_FALSE(question.request.has_global_batch_tokens());
  EXPECT_EQ(question.request.token_count(), int64_t{1000} * 3 * 2 * 16 * 4096);
}

TEST(JobQuestionTest, TheTypeOfAFlagIsThatOfThePool) {
  const JobQuestion question = MakeJobQuestion(MakeFacts(), {}, "A100-SXM4-80GB");
  EXPECT_EQ(question.request.gpu_pool().gpu_type(), "A100-SXM4-80GB");
  EXPECT_EQ(question.request.gpu_pool().count(), 16);
}

TEST(JobQuestionTest, WhatTheCheckNeedsIsMissing) {
  const JobQuestion question = MakeJobQuestion(JobFacts(), {}, "");
  EXPECT_THAT(question.missing, Contains(Property(&NotRead::Flags, "--gpus NxTYPE")));
  EXPECT_THAT(question.missing, Contains(Property(&NotRead::Flags, "--gpu TYPE")));
  EXPECT_THAT(question.missing, Contains(Property(&NotRead::Flags, "--arch FILE or --params N")));
}

TEST(JobQuestionTest, AnUnreadPartOfTheLayoutIsMissingAndNotTheDefault) {
  JobFacts facts = MakeFacts();
  facts.not_read.push_back({8, "--tensor-model-parallel-size ?", "x", {kSayTensorParallel}});
  EXPECT_THAT(MakeJobQuestion(facts, {}, "").missing,
              Contains(Property(&NotRead::Flags, "--tensor-parallel-size N")));
}

TEST(JobQuestionTest, WhatIsNotEssentialIsOnlyRemarked) {
  JobFacts facts = MakeFacts();
  facts.not_read.push_back({8, "--train-iters ?", "x", {kSayTokens}});
  EXPECT_THAT(MakeJobQuestion(facts, {}, "").missing, IsEmpty());
}

TEST(JobQuestionTest, AFrameworkThatIsNotRecognisedIsSaid) {
  JobFacts facts = MakeFacts();
  facts.framework = JobFramework::kUnknown;
  EXPECT_THAT(MakeJobQuestion(facts, {}, "").not_read,
              Contains(AllOf(Field(&NotRead::reason, HasSubstr("megatron is taken")),
                             Property(&NotRead::Flags, "--framework NAME"))));
}

TEST(JobQuestionTest, AFrameworkByAFlagIsNotRemarked) {
  JobFacts facts = MakeFacts();
  facts.framework = JobFramework::kUnknown;
  v1::CheckConfigurationRequest given;
  given.set_framework("nanotron");
  EXPECT_THAT(MakeJobQuestion(facts, given, "").not_read, IsEmpty());
}

TEST(JobQuestionTest, ATimeLimitWithoutTokensIsNotAsked) {
  JobFacts facts = MakeFacts();
  facts.step_count.reset();
  const JobQuestion question = MakeJobQuestion(facts, {}, "");
  EXPECT_FALSE(question.request.has_deadline_seconds());
  EXPECT_THAT(question.not_read, Contains(Property(&NotRead::Flags, "--tokens N")));
}

TEST(JobQuestionTest, WhatACommandSwitchesOffIsAsked) {
  JobFacts facts = MakeFacts();
  facts.tensor_parallel_size = Fact<int64_t>{4, 7, "--tensor-model-parallel-size 4"};
  facts.sequence_parallel = Fact<bool>{false, 0, "no --sequence-parallel"};
  facts.overlap_data_parallel = Fact<bool>{false, 0, "no --overlap-grad-reduce"};
  const JobQuestion question = MakeJobQuestion(facts, {}, "");
  EXPECT_TRUE(question.request.has_sequence_parallel());
  EXPECT_FALSE(question.request.sequence_parallel());
  EXPECT_TRUE(question.request.has_overlap_data_parallel());
  EXPECT_FALSE(question.request.overlap_data_parallel());
  EXPECT_THAT(question.read, Contains(Field(&ReadFact::text, "no --sequence-parallel")));
}

TEST(JobQuestionTest, OneCauseIsOneError) {
  JobFacts facts = MakeFacts();
  facts.gpu_type.reset();
  facts.not_read.push_back({3, "#SBATCH --gpus-per-node=h100:8", "ambiguous", {kSayGpuType}});
  const JobQuestion question = MakeJobQuestion(facts, {}, "");
  ASSERT_EQ(question.missing.size(), 1u);
  EXPECT_EQ(question.missing[0].reason, "ambiguous");
  EXPECT_THAT(question.not_read, IsEmpty());
}

TEST(JobQuestionTest, ABatchThatItsPartsDoNotMakeNamesTheKeys) {
  JobFacts facts = MakeFacts();
  facts.global_batch_size = Fact<int64_t>{256, 0, "ds.json: train_batch_size: 256"};
  facts.micro_batch_size = Fact<int64_t>{4, 0, "ds.json: train_micro_batch_size_per_gpu: 4"};
  facts.gradient_accumulation_steps =
      Fact<int64_t>{8, 0, "ds.json: gradient_accumulation_steps: 8"};
  EXPECT_THAT(MakeJobQuestion(facts, {}, "").missing,
              Contains(AllOf(Field(&NotRead::text, HasSubstr("ds.json: train_batch_size: 256")),
                             Field(&NotRead::text, HasSubstr("gradient_accumulation_steps: 8")),
                             Field(&NotRead::reason, HasSubstr("is not 256")))));
  facts.gradient_accumulation_steps->value = 4;
  EXPECT_THAT(MakeJobQuestion(facts, {}, "").missing, IsEmpty());
}

TEST(JobQuestionTest, KnownStepsOfAnUnknownLengthMissTheLength) {
  JobFacts facts = MakeFacts();
  facts.sequence_length.reset();
  facts.global_batch_size.reset();
  facts.gradient_accumulation_steps = Fact<int64_t>{8, 7, "--gradient_accumulation_steps 8"};
  EXPECT_THAT(MakeJobQuestion(facts, {}, "").not_read,
              Contains(AllOf(Field(&NotRead::text, "#SBATCH --time=1-00:00:00"),
                             Property(&NotRead::Flags, "--sequence-length N"))));
}

TEST(JobQuestionTest, ProductsBeyondAnyCountAreLeftOut) {
  JobFacts facts = MakeFacts();
  facts.global_batch_size->value = int64_t{1} << 60;
  EXPECT_FALSE(MakeJobQuestion(facts, {}, "").request.has_global_batch_tokens());
}

// --- Advice

v1::CheckConfigurationResponse Answer(const std::string& directive) {
  v1::CheckConfigurationResponse answer;
  answer.set_fits(true);
  answer.mutable_allocation()->set_gpu_count(16);
  answer.mutable_allocation()->set_gpus_per_node(8);
  v1::Layout& layout = *answer.mutable_layout();
  layout.set_tensor_parallel_size(1);
  layout.set_pipeline_parallel_size(1);
  layout.set_context_parallel_size(1);
  layout.set_data_parallel_size(16);
  layout.set_micro_batch_size(2);
  answer.mutable_time()->set_wall_seconds(90000);
  answer.mutable_time()->set_wall_high_seconds(100000);
  v1::Advice& advice = *answer.add_advice();
  advice.set_text("with " + directive + " it is better");
  advice.set_directive(directive);
  return answer;
}

std::string Advised(const JobFacts& facts, const std::string& directive,
                    const v1::CheckConfigurationRequest& given = {}) {
  v1::CheckConfigurationResponse answer = Answer(directive);
  AdviseOnJob(facts, given, answer);
  return answer.advice(0).directive();
}

TEST(JobAdviceTest, ADeadlineIsTheJobsTimeLimit) {
  EXPECT_EQ(Advised(MakeFacts(), "--deadline 25h"), "#SBATCH --time=1-03:47:00");
}

TEST(JobAdviceTest, FlagsAreThoseOfMegatron) {
  const JobFacts facts = MakeFacts();
  EXPECT_EQ(Advised(facts, "--micro-batch-size 1"), "--micro-batch-size 1");
  EXPECT_EQ(Advised(facts, "--tensor-parallel-size 4"),
            "--tensor-model-parallel-size 4 --sequence-parallel");
  EXPECT_EQ(Advised(facts, "--recompute full"),
            "--recompute-granularity full --recompute-method uniform --recompute-num-layers 1");
}

TEST(JobAdviceTest, ZeroStage0IsTheAbsenceOfMegatronsFlag) {
  EXPECT_EQ(Advised(MakeFacts(), "--zero-stage 0"), "without --use-distributed-optimizer");
}

TEST(JobAdviceTest, ACommandThatSplitsTensorsHasChosenItsSequenceParallelism) {
  JobFacts facts = MakeFacts();
  facts.tensor_parallel_size = Fact<int64_t>{2, 7, "--tensor-model-parallel-size 2"};
  EXPECT_EQ(Advised(facts, "--tensor-parallel-size 4"), "--tensor-model-parallel-size 4");
}

TEST(JobAdviceTest, WhatNoWordOfTheJobSaysIsLabelledAsRhumbs) {
  JobFacts facts = MakeFacts();
  facts.framework = JobFramework::kUnknown;
  EXPECT_EQ(Advised(facts, "--zero-stage 3"), "in Rhumb's flags: --zero-stage 3");
}

TEST(JobAdviceTest, ASwitchIsAdvisedInMegatronsWords) {
  JobFacts facts = MakeFacts();
  facts.tensor_parallel_size = Fact<int64_t>{4, 7, "--tensor-model-parallel-size 4"};
  v1::CheckConfigurationResponse answer = Answer("");
  answer.mutable_advice(0)->set_code("SEQUENCE_PARALLEL");
  AdviseOnJob(facts, {}, answer);
  EXPECT_EQ(answer.advice(0).directive(), "--sequence-parallel");
  EXPECT_THAT(answer.advice(0).text(), HasSubstr("[line 7]"));
}

TEST(JobAdviceTest, ZeroStage1IsMegatronsDistributedOptimizer) {
  EXPECT_EQ(Advised(MakeFacts(), "--zero-stage 1"), "--use-distributed-optimizer");
}

TEST(JobAdviceTest, ZeroStage2IsMegatronsFsdpOfGradients) {
  EXPECT_THAT(Advised(MakeFacts(), "--zero-stage 2"),
              HasSubstr("--data-parallel-sharding-strategy optim_grads "));
}

TEST(JobAdviceTest, ZeroStage3IsMegatronsFsdpInFull) {
  EXPECT_THAT(Advised(MakeFacts(), "--zero-stage 3"),
              HasSubstr("--data-parallel-sharding-strategy optim_grads_params "));
}

TEST(JobAdviceTest, TorchtitanIsAdvisedInItsSettings) {
  JobFacts facts = MakeFacts();
  facts.framework = JobFramework::kTorchtitan;
  EXPECT_EQ(Advised(facts, "--micro-batch-size 1"), "--training.local_batch_size 1");
  EXPECT_EQ(Advised(facts, "--tensor-parallel-size 4"), "--parallelism.tensor_parallel_degree 4");
  EXPECT_EQ(Advised(facts, "--zero-stage 2"), "--parallelism.fsdp_reshard_after_forward never");
  EXPECT_EQ(Advised(facts, "--zero-stage 1"), "in Rhumb's flags: --zero-stage 1");
}

TEST(JobAdviceTest, OldReleasesOfTorchtitanAreAdvisedInTheirSettings) {
  JobFacts facts = MakeFacts();
  facts.framework = JobFramework::kTorchtitan;
  facts.micro_batch_size->text = "llama.toml:2: training.batch_size: 2";
  facts.tensor_parallel_size = {1, 0, "llama.toml:3: training.tensor_parallel_degree: 1"};
  EXPECT_EQ(Advised(facts, "--micro-batch-size 1"), "--training.batch_size 1");
  EXPECT_EQ(Advised(facts, "--tensor-parallel-size 4"), "--training.tensor_parallel_degree 4");
}

TEST(JobAdviceTest, AccumulationIsMegatronsBatch) {
  // 8 steps of 1 sequence on 16 / 2 ranks.
  EXPECT_EQ(
      Advised(MakeFacts(),
              "--tensor-parallel-size 2 --micro-batch-size 1 --gradient-accumulation-steps 8"),
      "--tensor-model-parallel-size 2 --sequence-parallel --micro-batch-size 1 "
      "--global-batch-size 64");
}

TEST(JobAdviceTest, GpusAreToldToJobAndLauncherEachWithItsLine) {
  JobFacts facts = MakeFacts();
  facts.gpu_words.nodes = Fact<int64_t>{2, 2, "#SBATCH --nodes=2"};
  facts.gpu_words.launcher = "torchrun";
  facts.gpu_words.launcher_line = 9;
  facts.gpu_words.launcher_nodes = Fact<int64_t>{2, 9, "--nnodes 2"};
  facts.gpu_words.ranks_per_node = Fact<int64_t>{8, 9, "--nproc-per-node 8"};
  EXPECT_EQ(Advised(facts, "--gpus 64xH100-SXM5-80GB --zero-stage 1"),
            "#SBATCH --nodes=8 [line 2]; torchrun --nnodes 8 [line 9]; "
            "--use-distributed-optimizer [line 8]");
}

TEST(JobAdviceTest, MoreNodesThanTheJobsGpusAreMoreGpus) {
  JobFacts facts = MakeFacts();
  facts.framework = JobFramework::kTrainer;
  facts.zero_stage = Fact<int64_t>{0, 0, "no --fsdp"};
  facts.gpu_words.nodes = Fact<int64_t>{1, 2, "#SBATCH --nodes=1"};
  facts.gpu_words.gpus = Fact<int64_t>{8, 3, "#SBATCH --gpus=8"};
  facts.gpu_words.launcher = "torchrun";
  facts.gpu_words.launcher_line = 4;
  facts.gpu_words.launcher_nodes = Fact<int64_t>{1, 0, "torchrun's default of one node"};
  EXPECT_EQ(Advised(facts, "--gpus 16xH100-SXM5-80GB --zero-stage 3 --recompute full"),
            "#SBATCH --nodes=2 [line 2]; #SBATCH --gpus=16 [line 3]; torchrun --nnodes 2 "
            "--rdzv_backend c10d --rdzv_endpoint HOST:PORT, on each node (srun), without "
            "--standalone [line 4]; --fsdp \"full_shard auto_wrap\" --gradient_checkpointing "
            "True");
}

TEST(JobAdviceTest, ATimeDirectiveSaysWhichEndOfTheIntervalItIs) {
  v1::CheckConfigurationResponse answer = Answer("--deadline 25h");
  AdviseOnJob(MakeFacts(), {}, answer);
  EXPECT_THAT(answer.advice(0).text(), HasSubstr("the upper end of the 90% interval"));
}

TEST(JobAdviceTest, WhatAFlagSaidStaysAFlag) {
  v1::CheckConfigurationRequest given;
  given.set_deadline_seconds(10);
  EXPECT_EQ(Advised(MakeFacts(), "--deadline 25h", given), "--deadline 25h");
}

TEST(JobAdviceTest, DeepspeedIsAdvisedInItsFile) {
  JobFacts facts = MakeFacts();
  facts.framework = JobFramework::kDeepspeed;
  facts.micro_batch_size->line = 0;
  EXPECT_EQ(Advised(facts, "--zero-stage 3"), "\"zero_optimization\": {\"stage\": 3}");
  EXPECT_EQ(Advised(facts, "--micro-batch-size 1"), "\"train_micro_batch_size_per_gpu\": 1");
}

TEST(JobAdviceTest, TheTextSaysWhereAndWhat) {
  v1::CheckConfigurationResponse answer = Answer("--micro-batch-size 1");
  AdviseOnJob(MakeFacts(), {}, answer);
  EXPECT_EQ(answer.advice(0).text(), "with --micro-batch-size 1 it is better [line 7]");
}

TEST(JobAdviceTest, ALimitInsideTheIntervalIsTight) {
  v1::CheckConfigurationResponse answer = Answer("");
  answer.clear_advice();
  answer.set_finishes(true);
  answer.mutable_time()->set_wall_seconds(80000);
  AdviseOnJob(MakeFacts(), {}, answer);
  ASSERT_EQ(answer.advice_size(), 1);
  EXPECT_EQ(answer.advice(0).code(), "TIME_LIMIT_TIGHT");
  EXPECT_EQ(answer.advice(0).directive(), "#SBATCH --time=1-03:47:00");
}

TEST(JobAdviceTest, ALimitOfFiveTimesTheNeedIsLoose) {
  v1::CheckConfigurationResponse answer = Answer("");
  answer.clear_advice();
  answer.set_finishes(true);
  answer.mutable_time()->set_wall_seconds(10000);
  answer.mutable_time()->set_wall_high_seconds(12000);
  AdviseOnJob(MakeFacts(), {}, answer);
  ASSERT_EQ(answer.advice_size(), 1);
  EXPECT_EQ(answer.advice(0).code(), "TIME_LIMIT_LOOSE");
  EXPECT_EQ(answer.advice(0).directive(), "#SBATCH --time=0-03:20:00");
  answer.clear_advice();
  answer.mutable_time()->set_wall_high_seconds(20000);
  AdviseOnJob(MakeFacts(), {}, answer);
  EXPECT_EQ(answer.advice_size(), 0);
}

}  // namespace
}  // namespace rhumb::launch
