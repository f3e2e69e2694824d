// SPDX-License-Identifier: Apache-2.0
#include "client/launch/plan_launch.h"

#include "absl/strings/str_cat.h"
#include "client/config/document.h"
#include "client/launch/emit_parts.h"
#include "client/launch/flat_yaml.h"
#include "client/launch/megatron_flags.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/launch/plan_fixture.h"
#include "tests/matchers.h"

namespace rhumb::launch {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

std::string Text(const v1::Plan& plan, LaunchKind kind) {
  const absl::StatusOr<LaunchText> launch = WriteLaunch(plan, kind);
  EXPECT_THAT(launch, IsOk());
  return launch.ok() ? launch->text : "";
}

// Refused with the field and the kinds that can.
void ExpectRefused(const v1::Plan& plan, LaunchKind kind, const std::string& text) {
  EXPECT_THAT(WriteLaunch(plan, kind), StatusIs(absl::StatusCode::kInvalidArgument, text));
}

class EveryKindTest : public ::testing::TestWithParam<LaunchKind> {};

INSTANTIATE_TEST_SUITE_P(Kinds, EveryKindTest, ::testing::ValuesIn(LaunchKinds()),
                         [](const auto& kind) { return LaunchKindName(kind.param); });

TEST_P(EveryKindTest, SaysWhichPlanItIs) {
  const absl::StatusOr<LaunchText> launch = WriteLaunch(MakePlan(), GetParam());
  ASSERT_THAT(launch, IsOk());
  std::string all = launch->text;
  for (const std::string& remark : launch->remarks) all += remark;
  EXPECT_THAT(all, AllOf(HasSubstr("plans/p-1"), HasSubstr("besiroglu2024"), HasSubstr("fill in")));
}

TEST_P(EveryKindTest, IsFoundByItsName) {
  EXPECT_EQ(FindLaunchKind(LaunchKindName(GetParam())), GetParam());
}

TEST_P(EveryKindTest, RefusesAnInfeasiblePlan) {
  v1::Plan plan;
  plan.set_state(v1::Plan::STATE_INFEASIBLE);
  ExpectRefused(plan, GetParam(), "infeasible");
}

TEST_P(EveryKindTest, NamesFromElsewhereCannotBeginALine) {
  v1::Plan plan = MakePlan();
  plan.mutable_model()->set_name("evil\nrm -rf /");
  plan.mutable_law()->set_dataset("x\ny $(id) `id`");
  const std::string text = Text(plan, GetParam());
  EXPECT_THAT(text, Not(HasSubstr("\nrm")));
  EXPECT_THAT(text, Not(HasSubstr("\ny $(")));
}

TEST_P(EveryKindTest, IsAFunctionOfThePlan) {
  EXPECT_EQ(Text(MakePlan(), GetParam()), Text(MakePlan(), GetParam()));
}

TEST(PlanLaunchTest, ALawsPlanHasVariablesOnly) {
  v1::Plan plan = MakePlan();
  plan.clear_allocation();
  plan.clear_layout();
  plan.clear_time();
  EXPECT_THAT(Text(plan, LaunchKind::kEnv), HasSubstr("export RHUMB_TOKEN_COUNT=26000000000\n"));
  ExpectRefused(plan, LaunchKind::kSbatch, "the plan has no allocation");
}

TEST(PlanLaunchTest, VariablesAreQuoted) {
  v1::Plan plan = MakePlan();
  plan.mutable_allocation()->set_partition("it's $HOME");
  EXPECT_THAT(Text(plan, LaunchKind::kEnv), HasSubstr("export RHUMB_PARTITION='it'\\''s $HOME'\n"));
}

TEST(PlanLaunchTest, AJobAsksSlurmForNodesGpusAndTheLongestTime) {
  v1::Plan plan = MakePlan();
  plan.mutable_allocation()->set_partition("h100");
  EXPECT_THAT(
      Text(plan, LaunchKind::kSbatch),
      AllOf(StartsWith("#!/bin/bash\n#SBATCH --job-name=rhumb-l16-h2048-f5504\n"),
            HasSubstr("\n#SBATCH --nodes=2\n"), HasSubstr("\n#SBATCH --gpus-per-node=8\n"),
            HasSubstr("\n#SBATCH --ntasks-per-node=1\n"),
            HasSubstr("\n#SBATCH --time=1-01:01:00\n"), HasSubstr("\n#SBATCH --partition=h100\n")));
}

TEST(PlanLaunchTest, AJobAsksForItsGpuTypeWhereTheSitesNameOfItIsKnown) {
  const absl::StatusOr<LaunchText> launch =
      WriteLaunch(MakePlan(), LaunchKind::kSbatch, {.slurm_gpu_name = "hopper"});
  ASSERT_TRUE(launch.ok()) << launch.status();
  EXPECT_THAT(launch->text, HasSubstr("\n#SBATCH --gpus-per-node=hopper:8\n"));
  EXPECT_THAT(launch->text, Not(HasSubstr("your site's name")));
}

TEST(PlanLaunchTest, AJobMayTakeTheWallTimeWhateverItsInterval) {
  v1::Plan plan = MakePlan();
  plan.mutable_time()->set_wall_seconds(86400);
  plan.mutable_time()->set_wall_high_seconds(70000);
  EXPECT_THAT(Text(plan, LaunchKind::kSbatch), HasSubstr("\n#SBATCH --time=1-00:00:00\n"));
}

// 50,000 s in jobs of six hours and half a minute.
v1::Plan ChainedPlan() {
  v1::Plan plan = MakePlan();
  plan.mutable_time()->set_job_count(3);
  plan.mutable_time()->set_job_limit_seconds(6 * 3600 + 30);
  return plan;
}

TEST(PlanLaunchTest, AJobOfAChainTakesTheLimitInWholeMinutesAndSaysHowToChain) {
  EXPECT_THAT(
      Text(ChainedPlan(), LaunchKind::kSbatch),
      AllOf(HasSubstr("\n#SBATCH --time=0-06:00:00\n"), HasSubstr("takes 3 such jobs"),
            HasSubstr("--dependency=afterany:"), HasSubstr("\nexport RHUMB_JOB_COUNT=3\n")));
}

TEST(PlanLaunchTest, AnUpperEndBeyondTheLimitIsCutToIt) {
  v1::Plan plan = MakePlan();
  plan.mutable_time()->set_job_count(1);
  plan.mutable_time()->set_job_limit_seconds(60000);
  EXPECT_THAT(Text(plan, LaunchKind::kSbatch),
              AllOf(HasSubstr("\n#SBATCH --time=0-16:40:00\n"), Not(HasSubstr("afterany"))));
}

TEST(PlanLaunchTest, VariablesSayHowManyJobsAndHowLong) {
  EXPECT_THAT(Text(ChainedPlan(), LaunchKind::kEnv),
              AllOf(HasSubstr("export RHUMB_JOB_COUNT=3\n"),
                    HasSubstr("export RHUMB_JOB_LIMIT_SECONDS=21630\n")));
  EXPECT_THAT(Text(MakePlan(), LaunchKind::kEnv), Not(HasSubstr("RHUMB_JOB_")));
}

TEST(PlanLaunchTest, APartitionThatWouldEndTheLineIsRefused) {
  v1::Plan plan = MakePlan();
  plan.mutable_allocation()->set_partition("a b");
  ExpectRefused(plan, LaunchKind::kSbatch, "allocation.partition is \"a b\"");
}

TEST(PlanLaunchTest, NodesOfDifferentSizesAreRefused) {
  v1::Plan plan = MakePlan();
  plan.mutable_allocation()->set_gpu_count(13);
  ExpectRefused(plan, LaunchKind::kSbatch, "allocation.gpu_count is 13");
}

TEST(PlanLaunchTest, OneNodeNeedsNoRendezvous) {
  v1::Plan plan = MakePlan();
  plan.mutable_allocation()->set_gpu_count(8);
  plan.mutable_allocation()->set_node_count(1);
  plan.mutable_layout()->set_data_parallel_size(8);
  EXPECT_THAT(Text(plan, LaunchKind::kTorchrun),
              AllOf(HasSubstr("torchrun --nnodes 1 --nproc-per-node 8 --standalone"),
                    Not(HasSubstr("MASTER_ADDR"))));
}

TEST(PlanLaunchTest, DeepspeedsFileIsJsonOfTheBatch) {
  const absl::StatusOr<DocumentValue> json = ParseJson(Text(MakePlan(), LaunchKind::kDeepspeed));
  ASSERT_THAT(json, IsOk());
  const int64_t micro = json->Find("train_micro_batch_size_per_gpu")->integer;
  const int64_t steps = json->Find("gradient_accumulation_steps")->integer;
  EXPECT_EQ(json->Find("train_batch_size")->integer, 128);
  EXPECT_EQ(micro * steps * 16, 128);
  EXPECT_EQ(json->Find("zero_optimization")->Find("stage")->integer, 3);
  EXPECT_TRUE(json->Find("bf16")->Find("enabled")->boolean);
  EXPECT_FALSE(json->Find("fp16")->Find("enabled")->boolean);
}

TEST(PlanLaunchTest, DeepspeedHasNoTensorParallelism) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_tensor_parallel_size(2);
  plan.mutable_layout()->set_data_parallel_size(8);
  ExpectRefused(plan, LaunchKind::kDeepspeed, "layout.tensor_parallel_size is 2");
  ExpectRefused(plan, LaunchKind::kDeepspeed,
                "; these can: env, sbatch, megatron, torchtitan, torchrun");
}

TEST(PlanLaunchTest, TorchtitansFileIsTomlOfBatchAndRanks) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_framework("torchtitan");
  const absl::StatusOr<DocumentValue> toml = ParseToml(Text(plan, LaunchKind::kTorchtitan));
  ASSERT_THAT(toml, IsOk());
  const DocumentValue& training = *toml->Find("training");
  EXPECT_EQ(training.Find("local_batch_size")->integer, 2);
  EXPECT_EQ(training.Find("global_batch_size")->integer, 128);
  EXPECT_EQ(training.Find("seq_len")->integer, 8192);
  EXPECT_EQ(training.Find("steps")->integer, 24796);
  const DocumentValue& parallelism = *toml->Find("parallelism");
  EXPECT_EQ(parallelism.Find("data_parallel_shard_degree")->integer, 16);
  EXPECT_EQ(parallelism.Find("fsdp_reshard_after_forward")->text, "always");
  EXPECT_TRUE(toml->Find("compile")->Find("enable")->boolean);
}

TEST(PlanLaunchTest, TorchtitansPipelineCutsTheLocalBatch) {
  v1::Plan plan = MakePlan();
  v1::Layout& layout = *plan.mutable_layout();
  layout.set_pipeline_parallel_size(4);
  layout.set_virtual_pipeline_stages(2);
  layout.set_data_parallel_size(4);
  layout.set_zero_stage(0);
  layout.set_gradient_accumulation_steps(16);
  const absl::StatusOr<DocumentValue> toml = ParseToml(Text(plan, LaunchKind::kTorchtitan));
  ASSERT_THAT(toml, IsOk());
  EXPECT_EQ(toml->Find("training")->Find("local_batch_size")->integer, 32);
  const DocumentValue& parallelism = *toml->Find("parallelism");
  EXPECT_EQ(parallelism.Find("pipeline_parallel_microbatch_size")->integer, 2);
  EXPECT_EQ(parallelism.Find("pipeline_parallel_schedule")->text, "Interleaved1F1B");
  EXPECT_EQ(parallelism.Find("data_parallel_replicate_degree")->integer, 4);
}

TEST(PlanLaunchTest, TorchtitanCannotShardOptimizerStatesAlone) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_zero_stage(1);
  ExpectRefused(plan, LaunchKind::kTorchtitan, "layout.zero_stage is 1");
}

TEST(PlanLaunchTest, AcceleratesFileIsYamlOfProcessesAndSharding) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_recompute(v1::RECOMPUTE_FULL);
  FlatYaml yaml = ReadFlatYaml(Text(plan, LaunchKind::kAccelerate));
  EXPECT_THAT(yaml.not_read, IsEmpty());
  EXPECT_EQ(yaml.scalars["num_processes"].text, "16");
  EXPECT_EQ(yaml.scalars["num_machines"].text, "2");
  EXPECT_EQ(yaml.scalars["distributed_type"].text, "FSDP");
  EXPECT_EQ(yaml.scalars["mixed_precision"].text, "bf16");
  EXPECT_EQ(yaml.scalars["fsdp_config.fsdp_reshard_after_forward"].text, "true");
  EXPECT_EQ(yaml.scalars["fsdp_config.fsdp_activation_checkpointing"].text, "true");
}

TEST(PlanLaunchTest, AcceleratePutsContextRanksBesideShards) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_context_parallel_size(4);
  plan.mutable_layout()->set_data_parallel_size(4);
  FlatYaml yaml = ReadFlatYaml(Text(plan, LaunchKind::kAccelerate));
  EXPECT_EQ(yaml.scalars["parallelism_config.parallelism_config_cp_size"].text, "4");
  EXPECT_EQ(yaml.scalars["parallelism_config.parallelism_config_dp_shard_size"].text, "4");
}

TEST(PlanLaunchTest, AnotherFrameworksPredictionsAreRemarked) {
  EXPECT_THAT(WriteLaunch(MakePlan(), LaunchKind::kAccelerate)->remarks,
              Contains(HasSubstr("--framework accelerate")));
  EXPECT_THAT(WriteLaunch(MakePlan(), LaunchKind::kSbatch)->remarks, IsEmpty());
}

// --- Flags of Megatron-LM

std::string Flags(const v1::Plan& plan) { return Text(plan, LaunchKind::kMegatron); }

TEST(MegatronFlagsTest, ShardingInFullIsMegatronsFsdp) {
  EXPECT_THAT(Flags(MakePlan()),
              AllOf(HasSubstr("--use-megatron-fsdp\n"),
                    HasSubstr("--data-parallel-sharding-strategy optim_grads_params\n"),
                    HasSubstr("--ckpt-format fsdp_dtensor\n")));
}

TEST(MegatronFlagsTest, ZeroOneIsTheDistributedOptimizer) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_zero_stage(1);
  EXPECT_THAT(Flags(plan), AllOf(HasSubstr("--use-distributed-optimizer\n"),
                                 Not(HasSubstr("--use-megatron-fsdp"))));
}

TEST(MegatronFlagsTest, TensorRanksAreSequenceParallel) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_tensor_parallel_size(2);
  plan.mutable_layout()->set_data_parallel_size(8);
  EXPECT_THAT(Flags(plan), HasSubstr("--tensor-model-parallel-size 2\n  --sequence-parallel\n"));
}

TEST(MegatronFlagsTest, VirtualStagesAreSaidInLayers) {
  v1::Plan plan = MakePlan();
  v1::Layout& layout = *plan.mutable_layout();
  layout.set_zero_stage(1);
  layout.set_pipeline_parallel_size(4);
  layout.set_virtual_pipeline_stages(2);
  EXPECT_THAT(Flags(plan), HasSubstr("--num-layers-per-virtual-pipeline-stage 2\n"));
}

TEST(MegatronFlagsTest, UnevenStagesAreLaidOutByHand) {
  // Stages of LayersOnStage(16, 3): the one in the middle is longer.
  EXPECT_EQ(PipelineLayoutText(16, 3), "Et*5|t*6|t*5L");
}

TEST(MegatronFlagsTest, ExpertsAreNotSplitOverTensorRanks) {
  v1::Plan plan = MakePlan();
  v1::Architecture& model = *plan.mutable_model();
  model.set_expert_count(64);
  model.set_experts_per_token(6);
  model.set_moe_ffn_hidden_size(1408);
  model.set_num_moe_layers(15);
  model.set_shared_expert_ffn_hidden_size(2816);
  plan.mutable_layout()->set_tensor_parallel_size(2);
  plan.mutable_layout()->set_data_parallel_size(8);
  plan.mutable_layout()->set_expert_parallel_size(8);
  EXPECT_THAT(Flags(plan), AllOf(HasSubstr("--moe-layer-freq '([0]*1+[1]*15)'\n"),
                                 HasSubstr("--moe-shared-expert-intermediate-size 2816\n"),
                                 HasSubstr("--expert-model-parallel-size 8\n"),
                                 HasSubstr("--expert-tensor-parallel-size 1\n")));
}

TEST(MegatronFlagsTest, EightBitFormatsHaveTheirRecipes) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_precision(v1::PRECISION_FP8);
  EXPECT_THAT(Flags(plan), HasSubstr("--bf16\n  --fp8-format hybrid\n"));
  plan.mutable_layout()->set_precision(v1::PRECISION_MXFP8);
  EXPECT_THAT(Flags(plan), HasSubstr("--fp8-format e4m3\n  --fp8-recipe mxfp8\n"));
  plan.mutable_layout()->set_precision(v1::PRECISION_NVFP4);
  EXPECT_THAT(Flags(plan), HasSubstr("--fp4-format e2m1\n  --fp4-recipe nvfp4\n"));
}

TEST(MegatronFlagsTest, PartsOfTheModelWithoutAFlagAreRefused) {
  const auto refused = [](void (*change)(v1::Architecture&), const char* field) {
    v1::Plan plan = MakePlan();
    change(*plan.mutable_model());
    ExpectRefused(plan, LaunchKind::kMegatron, field);
  };
  refused([](v1::Architecture& model) { model.set_head_bias(true); }, "model.head_bias");
  refused([](v1::Architecture& model) { model.set_mlp_bias(true); }, "model.attention_output_bias");
  refused([](v1::Architecture& model) { model.set_norms_per_layer(4); }, "model.norms_per_layer");
  refused([](v1::Architecture& model) { model.set_embedding_norm(true); }, "model.embedding_norm");
  refused([](v1::Architecture& model) { model.set_embedding_size(512); }, "model.embedding_size");
  refused([](v1::Architecture& model) { model.set_num_sliding_window_layers(8); },
          "model.num_sliding_window_layers");
}

TEST(MegatronFlagsTest, FsdpIsNotWrittenWithPipelineStages) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_pipeline_parallel_size(2);
  ExpectRefused(plan, LaunchKind::kSbatch, "layout.zero_stage is 3");
}

TEST(ShellQuoteTest, PlainWordsStayAndOthersAreQuoted) {
  EXPECT_EQ(ShellQuote("a-b/c.d=1"), "a-b/c.d=1");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("a b"), "'a b'");
  EXPECT_EQ(ShellQuote("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellQuote("$(id)"), "'$(id)'");
}

TEST(PlanLaunchTest, WhatTheModelsFileSaysBesideIsSaidInMegatronsTexts) {
  const LaunchOptions options = {.model_remarks = {"config.json says rope_theta 500000"}};
  for (const LaunchKind kind :
       {LaunchKind::kMegatron, LaunchKind::kSbatch, LaunchKind::kTorchrun}) {
    const absl::StatusOr<LaunchText> launch = WriteLaunch(MakePlan(), kind, options);
    ASSERT_THAT(launch, IsOk());
    EXPECT_THAT(launch->text, HasSubstr("rope_theta 500000"));
    EXPECT_THAT(launch->remarks, Contains(HasSubstr("rope_theta 500000")));
  }
}

TEST(PlanLaunchTest, APaddedVocabularyIsSaid) {
  v1::Plan plan = MakePlan();
  EXPECT_THAT(Text(plan, LaunchKind::kMegatron), Not(HasSubstr("pads")));
  plan.mutable_layout()->set_tensor_parallel_size(4);
  plan.mutable_layout()->set_data_parallel_size(4);
  EXPECT_THAT(Text(plan, LaunchKind::kMegatron), HasSubstr("of 128256 to 128512"));
}

}  // namespace
}  // namespace rhumb::launch
