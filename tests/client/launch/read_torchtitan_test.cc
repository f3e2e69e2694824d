// SPDX-License-Identifier: Apache-2.0
#include "client/launch/read_torchtitan.h"

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/launch/job_question.h"
#include "client/launch/job_script.h"
#include "client/launch/plan_launch.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/launch/plan_fixture.h"
#include "tests/matchers.h"

namespace rhumb::launch {
namespace {

using ::rhumb::testing_support::IsOk;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::Field;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Property;

JobFacts Read(absl::string_view script, const std::string& toml) {
  const absl::StatusOr<JobFacts> facts =
      ReadJobScript(script, [&](const std::string& path) -> absl::StatusOr<std::string> {
        EXPECT_EQ(path, "llama.toml");
        return toml;
      });
  EXPECT_THAT(facts, IsOk());
  return facts.ok() ? *facts : JobFacts();
}

// A job of four nodes with `flags` behind the file's.
JobFacts ReadJob(const std::string& toml, absl::string_view flags = "") {
  return Read(absl::StrCat("#!/bin/bash\n#SBATCH --nodes=4 --gpus-per-node=8\n",
                           "srun torchrun --nnodes 4 --nproc-per-node 8 -m torchtitan.train ",
                           "--job.config_file llama.toml ", flags, "\n"),
              toml);
}

// Keys of releases since 2025-05.
constexpr char kConfig[] =
    "[model]\nname = \"llama3\"\nflavor = \"8B\"\n"
    "[training]\nlocal_batch_size = 4\nglobal_batch_size = 256\nseq_len = 8192\nsteps = 1000\n"
    "[parallelism]\ntensor_parallel_degree = 2\n"
    "[activation_checkpoint]\nmode = \"full\"\n"
    "[compile]\nenable = true\n";

TEST(ReadTorchtitanTest, AJobConfigIsRead) {
  const JobFacts facts = ReadJob(kConfig);
  EXPECT_EQ(facts.framework, JobFramework::kTorchtitan);
  EXPECT_EQ(facts.gpu_count->value, 32);
  EXPECT_EQ(facts.tensor_parallel_size->value, 2);
  EXPECT_EQ(facts.tensor_parallel_size->text,
            "llama.toml:10: parallelism.tensor_parallel_degree: 2");
  EXPECT_EQ(facts.micro_batch_size->value, 4);
  EXPECT_EQ(facts.global_batch_size->value, 256);
  EXPECT_EQ(facts.sequence_length->value, 8192);
  EXPECT_EQ(facts.step_count->value, 1000);
  EXPECT_EQ(facts.recompute->value, v1::RECOMPUTE_FULL);
  EXPECT_EQ(facts.precision->value, v1::PRECISION_BF16);
  EXPECT_THAT(facts.not_read, IsEmpty());
}

TEST(ReadTorchtitanTest, TheQuestionIsOneOfTorchtitan) {
  EXPECT_EQ(MakeJobQuestion(ReadJob(kConfig), {}, "").request.framework(), "torchtitan");
}

TEST(ReadTorchtitanTest, Llamas8BHasThePublishedShape) {
  // Grattafiori et al. 2024, arXiv:2407.21783, table 3.
  const v1::Architecture model = ReadJob(kConfig).model;
  EXPECT_EQ(model.num_layers(), 32);
  EXPECT_EQ(model.hidden_size(), 4096);
  EXPECT_EQ(model.ffn_hidden_size(), 14336);
  EXPECT_EQ(model.num_key_value_heads(), 8);
  EXPECT_EQ(model.vocab_size(), 128256);
}

TEST(ReadTorchtitanTest, AFlavorOfTheRegistryIsAskedFor) {
  const JobFacts facts = ReadJob(kConfig, "--model.flavor debugmodel");
  EXPECT_FALSE(facts.has_model);
  EXPECT_THAT(facts.not_read,
              Contains(AllOf(Field(&NotRead::text, "--model.flavor debugmodel"),
                             Property(&NotRead::Flags, "--arch FILE or --params N"))));
}

TEST(ReadTorchtitanTest, KeysOfOldReleasesAreRead) {
  const JobFacts facts = ReadJob(
      "[training]\nbatch_size = 2\nseq_len = 4096\ntensor_parallel_degree = 4\n"
      "data_parallel_shard_degree = 4\ncompile = true\n"
      "[experimental]\npipeline_parallel_degree = 1\ncontext_parallel_degree = 2\n"
      "[float8]\nenable_float8_linear = true\n");
  EXPECT_EQ(facts.micro_batch_size->value, 2);
  EXPECT_EQ(facts.gradient_accumulation_steps->value, 1);
  EXPECT_EQ(facts.tensor_parallel_size->value, 4);
  EXPECT_EQ(facts.context_parallel_size->value, 2);
  EXPECT_EQ(facts.precision->value, v1::PRECISION_FP8);
  EXPECT_EQ(facts.zero_stage->value, 3);
}

TEST(ReadTorchtitanTest, FlagsWinOverTheFile) {
  const JobFacts facts = ReadJob(kConfig, "--training.local-batch-size=2 --training.seq_len 4096");
  EXPECT_EQ(facts.micro_batch_size->value, 2);
  EXPECT_EQ(facts.micro_batch_size->line, 3);
  EXPECT_EQ(facts.sequence_length->value, 4096);
}

TEST(ReadTorchtitanTest, ASwitchMayBeTurnedOff) {
  EXPECT_THAT(ReadJob(kConfig, "--compile.no-enable").not_read,
              Contains(Field(&NotRead::text, "compile.enable")));
}

TEST(ReadTorchtitanTest, AFlagOfUnknownValueIsAskedForAndNotTheFiles) {
  const JobFacts facts = ReadJob(kConfig, "--training.local_batch_size $SIZE");
  EXPECT_FALSE(facts.micro_batch_size.has_value());
  EXPECT_THAT(facts.not_read, Contains(Property(&NotRead::Flags, "--micro-batch-size N")));
}

TEST(ReadTorchtitanTest, AbsentKeysHaveTorchtitansDefaults) {
  const JobFacts facts = ReadJob("");
  EXPECT_EQ(facts.micro_batch_size->value, 8);
  EXPECT_EQ(facts.sequence_length->value, 2048);
  EXPECT_EQ(facts.zero_stage->value, 3);
  EXPECT_EQ(facts.recompute->value, v1::RECOMPUTE_SELECTIVE);
  EXPECT_FALSE(facts.has_model);
}

TEST(ReadTorchtitanTest, ReplicasAreZeroStage0) {
  EXPECT_EQ(ReadJob("[parallelism]\ndata_parallel_replicate_degree = 32\n"
                    "data_parallel_shard_degree = 1\n")
                .zero_stage->value,
            0);
}

TEST(ReadTorchtitanTest, ReplicasOfShardsAreNotGuessed) {
  const JobFacts facts = ReadJob("[parallelism]\ndata_parallel_replicate_degree = 2\n");
  EXPECT_FALSE(facts.zero_stage.has_value());
  EXPECT_THAT(facts.not_read, Contains(Property(&NotRead::Flags, "--zero-stage N")));
}

TEST(ReadTorchtitanTest, ParametersStayGatheredInAPipelineByDefault) {
  EXPECT_EQ(ReadJob("[parallelism]\npipeline_parallel_degree = 2\n").zero_stage->value, 2);
}

TEST(ReadTorchtitanTest, APipelineCutsTheLocalBatch) {
  const JobFacts facts = ReadJob(
      "[training]\nlocal_batch_size = 8\n[parallelism]\npipeline_parallel_degree = 2\n"
      "pipeline_parallel_microbatch_size = 2\npipeline_parallel_schedule = \"Interleaved1F1B\"\n");
  EXPECT_EQ(facts.micro_batch_size->value, 2);
  EXPECT_EQ(facts.gradient_accumulation_steps->value, 4);
  EXPECT_EQ(facts.virtual_pipeline_stages->value, 2);
}

TEST(ReadTorchtitanTest, OtherSchedulesAreAskedFor) {
  EXPECT_THAT(ReadJob("[parallelism]\npipeline_parallel_degree = 2\n"
                      "pipeline_parallel_schedule = \"ZBVZeroBubble\"\n")
                  .not_read,
              Contains(Property(&NotRead::Flags, "--virtual-pipeline-stages N")));
}

TEST(ReadTorchtitanTest, AConverterSetsThePrecision) {
  EXPECT_EQ(ReadJob("[model]\nconverters = [\"float8\"]\n").precision->value, v1::PRECISION_FP8);
}

TEST(ReadTorchtitanTest, KeysAboutRanksThatAreNotKnownAreRemarked) {
  EXPECT_THAT(ReadJob("[parallelism]\nring_parallel_degree = 2\n").not_read,
              Contains(Field(&NotRead::text, HasSubstr("ring_parallel_degree"))));
}

TEST(ReadTorchtitanTest, AFileThatIsNoTomlIsAskedForPartByPart) {
  const JobFacts facts = ReadJob("[training\n", "--training.seq_len 4096");
  EXPECT_FALSE(facts.micro_batch_size.has_value());
  EXPECT_THAT(
      facts.not_read,
      Contains(AllOf(Field(&NotRead::reason, HasSubstr("line 1")),
                     Property(&NotRead::Flags, AllOf(HasSubstr("--tensor-parallel-size N"),
                                                     HasSubstr("--micro-batch-size N"),
                                                     Not(HasSubstr("--sequence-length N")))))));
}

TEST(ReadTorchtitanTest, WithoutAJobConfigNothingIsTaken) {
  const JobFacts facts = Read(
      "#!/bin/bash\ntorchrun --nproc-per-node 8 -m torchtitan.train --module llama3 "
      "--config llama3_8b\n",
      "");
  EXPECT_FALSE(facts.tensor_parallel_size.has_value());
  EXPECT_THAT(facts.not_read, Contains(Property(&NotRead::Flags, HasSubstr("--zero-stage N"))));
}

TEST(ReadTorchtitanTest, TheScriptMayBeAFile) {
  EXPECT_EQ(
      Read("#!/bin/bash\nsrun python train.py --job.config_file=llama.toml\n", kConfig).framework,
      JobFramework::kTorchtitan);
}

TEST(ReadTorchtitanTest, RunTrainTakesItsFileByAVariable) {
  const JobFacts facts =
      Read("#!/bin/bash\nNGPU=4 CONFIG_FILE=\"llama.toml\" ./run_train.sh --training.steps 10\n",
           kConfig);
  EXPECT_EQ(facts.gpu_count->value, 4);
  EXPECT_EQ(facts.tensor_parallel_size->value, 2);
  EXPECT_EQ(facts.step_count->value, 10);
}

TEST(ReadTorchtitanTest, RunTrainBehindBashIsTheSame) {
  EXPECT_EQ(Read("#!/bin/bash\nexport CONFIG_FILE=llama.toml NGPU=8\nbash run_train.sh\n", kConfig)
                .gpu_count->value,
            8);
}

TEST(ReadTorchtitanTest, ARunTrainWithoutAConfigFileIsNotTorchtitans) {
  EXPECT_EQ(Read("#!/bin/bash\nDATA=x ./run_train.sh\n", "").framework, JobFramework::kUnknown);
}

void ExpectReadBack(const v1::Plan& plan) {
  const absl::StatusOr<LaunchText> launch = WriteLaunch(plan, LaunchKind::kTorchtitan);
  ASSERT_THAT(launch, IsOk());
  const JobFacts facts = ReadJob(launch->text);
  const v1::Layout& layout = plan.layout();
  EXPECT_EQ(facts.tensor_parallel_size->value, layout.tensor_parallel_size());
  EXPECT_EQ(facts.pipeline_parallel_size->value, layout.pipeline_parallel_size());
  EXPECT_EQ(facts.context_parallel_size->value, layout.context_parallel_size());
  EXPECT_EQ(facts.expert_parallel_size->value, layout.expert_parallel_size());
  EXPECT_EQ(facts.virtual_pipeline_stages.value_or(Fact<int64_t>{1}).value,
            layout.virtual_pipeline_stages());
  EXPECT_EQ(facts.zero_stage->value, layout.zero_stage());
  EXPECT_EQ(facts.micro_batch_size->value, layout.micro_batch_size());
  EXPECT_EQ(facts.global_batch_size->value, plan.batch().global_batch_size());
  EXPECT_EQ(facts.recompute->value, layout.recompute());
  EXPECT_EQ(facts.precision->value, layout.precision());
  // All that the file leaves open is the model.
  ASSERT_EQ(facts.not_read.size(), 1u);
  EXPECT_EQ(facts.not_read[0].Flags(), "--arch FILE or --params N");
}

v1::Plan TorchtitanPlan() {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_framework("torchtitan");
  return plan;
}

TEST(ReadTorchtitanTest, AnEmittedPlanInFullShardsIsReadBack) { ExpectReadBack(TorchtitanPlan()); }

TEST(ReadTorchtitanTest, AnEmittedPlanOfReplicasIsReadBack) {
  v1::Plan plan = TorchtitanPlan();
  plan.mutable_layout()->set_zero_stage(0);
  plan.mutable_layout()->set_recompute(v1::RECOMPUTE_SELECTIVE);
  ExpectReadBack(plan);
}

TEST(ReadTorchtitanTest, AnEmittedPipelineIsReadBack) {
  v1::Plan plan = TorchtitanPlan();
  plan.mutable_layout()->set_zero_stage(2);
  plan.mutable_layout()->set_pipeline_parallel_size(4);
  plan.mutable_layout()->set_virtual_pipeline_stages(2);
  plan.mutable_layout()->set_data_parallel_size(2);
  plan.mutable_layout()->set_tensor_parallel_size(2);
  plan.mutable_layout()->set_recompute(v1::RECOMPUTE_FULL);
  ExpectReadBack(plan);
}

}  // namespace
}  // namespace rhumb::launch
