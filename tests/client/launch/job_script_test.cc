// SPDX-License-Identifier: Apache-2.0
#include "client/launch/job_script.h"

#include <random>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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

absl::StatusOr<std::string> NoFiles(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such file"));
}

JobFacts Read(absl::string_view script, const FileReader& read_file = NoFiles) {
  const absl::StatusOr<JobFacts> facts = ReadJobScript(script, read_file);
  EXPECT_THAT(facts, IsOk());
  return facts.ok() ? *facts : JobFacts();
}

constexpr char kHead[] =
    "#!/bin/bash\n"
    "#SBATCH --nodes=4 --gpus-per-node=8\n";

constexpr char kModel[] =
    " --num-layers 32 --hidden-size 4096 --num-attention-heads 32 --seq-length 4096"
    " --max-position-embeddings 4096 --micro-batch-size 2 --global-batch-size 512"
    " --train-iters 1000 --bf16";

// A torchrun command of all GPUs with `flags` behind the model's.
std::string Job(absl::string_view flags) {
  return absl::StrCat(kHead, "srun torchrun --nnodes 4 --nproc-per-node 8 pretrain_gpt.py", kModel,
                      " ", flags, "\n");
}

TEST(JobScriptTest, MegatronsFlagsAreReadWithTheirLines) {
  const JobFacts facts = Read(Job("--tensor-model-parallel-size 4 --sequence-parallel"));
  EXPECT_TRUE(facts.has_model);
  EXPECT_EQ(facts.model.num_layers(), 32);
  EXPECT_EQ(facts.gpu_count->value, 32);
  EXPECT_EQ(facts.gpus_per_node->value, 8);
  EXPECT_EQ(facts.tensor_parallel_size->value, 4);
  EXPECT_EQ(facts.tensor_parallel_size->line, 3);
  EXPECT_EQ(facts.global_batch_size->value, 512);
  EXPECT_EQ(facts.step_count->value, 1000);
}

TEST(JobScriptTest, AbsentFlagsHaveMegatronsDefaults) {
  const JobFacts facts = Read(Job(""));
  EXPECT_EQ(facts.model.ffn_hidden_size(), 4 * 4096);
  EXPECT_EQ(facts.model.num_key_value_heads(), 32);
  EXPECT_EQ(facts.model.norm_type(), v1::NORM_TYPE_LAYER_NORM);
  EXPECT_TRUE(facts.model.qkv_bias());
  EXPECT_TRUE(facts.model.tied_embeddings());
  EXPECT_EQ(facts.model.learned_position_count(), 4096);
  EXPECT_EQ(facts.zero_stage->value, 0);
  EXPECT_EQ(facts.recompute->value, v1::RECOMPUTE_NONE);
}

TEST(JobScriptTest, GatedModelsHaveMegatronsNarrowerDefault) {
  // int(4 * 4096 * 2 / 3 / 64) * 64, megatron/training/arguments.py.
  EXPECT_EQ(Read(Job("--swiglu")).model.ffn_hidden_size(), 10880);
}

TEST(JobScriptTest, FlagsWithEqualsAndRepeatedFlagsAreArgparses) {
  const JobFacts facts = Read(Job("--micro-batch-size=4 --num-layers=24"));
  EXPECT_EQ(facts.micro_batch_size->value, 4);
  EXPECT_EQ(facts.model.num_layers(), 24);
}

TEST(JobScriptTest, ZeroStagesAreToldApart) {
  EXPECT_EQ(Read(Job("--use-distributed-optimizer")).zero_stage->value, 1);
  EXPECT_EQ(Read(Job("--use-megatron-fsdp --data-parallel-sharding-strategy optim_grads"))
                .zero_stage->value,
            2);
  EXPECT_EQ(Read(Job("--use-torch-fsdp2")).zero_stage->value, 3);
}

TEST(JobScriptTest, AFlagWithoutAKnownValueIsNotRead) {
  const JobFacts facts = Read(Job("--tensor-model-parallel-size $TP"));
  EXPECT_FALSE(facts.tensor_parallel_size.has_value());
  EXPECT_THAT(facts.not_read, Contains(Property(&NotRead::Flags, "--tensor-parallel-size N")));
}

TEST(JobScriptTest, AModelWithAnUnknownPartIsNoModel) {
  EXPECT_FALSE(Read(Job("--ffn-hidden-size $FFN")).has_model);
  EXPECT_FALSE(Read(Job("--num-layers thirty")).has_model);
  EXPECT_FALSE(Read(Job("--num-layers 99999999999999999999")).has_model);
  EXPECT_FALSE(Read(Job("--use-checkpoint-args")).has_model);
}

TEST(JobScriptTest, UnknownWordsOfTheCommandAreRemarked) {
  EXPECT_THAT(Read(Job("--use-distributed-optimizer $EXTRA")).not_read,
              Contains(Field(&NotRead::reason, HasSubstr("flags in it are not read"))));
}

TEST(JobScriptTest, RanksThatAreNotTheGpusAreWarnedOf) {
  const JobFacts facts = Read(
      absl::StrCat(kHead, "srun torchrun --nnodes 2 --nproc-per-node 8 pretrain_gpt.py", kModel));
  EXPECT_EQ(facts.gpu_count->value, 16);
  ASSERT_EQ(facts.warnings.size(), 1u);
  EXPECT_EQ(facts.warnings[0].code(), "RANKS_DIFFER");
  EXPECT_THAT(facts.warnings[0].text(), HasSubstr("16 of 32 GPUs are idle"));
}

TEST(JobScriptTest, PythonUnderSrunHasOneRankATask) {
  const JobFacts facts =
      Read(absl::StrCat("#!/bin/bash\n#SBATCH -N 2 --ntasks-per-node=8 --gpus-per-node=8\n",
                        "srun python -u pretrain_gpt.py", kModel));
  EXPECT_EQ(facts.gpu_count->value, 16);
}

TEST(JobScriptTest, LaunchersInBranchesAreNotRead) {
  const JobFacts facts =
      Read(absl::StrCat(kHead, "if true; then\n", "torchrun pretrain_gpt.py", kModel, "\nfi\n"));
  EXPECT_FALSE(facts.has_model);
  EXPECT_THAT(facts.not_read, Contains(Field(&NotRead::reason, HasSubstr("stands in \"if\""))));
}

TEST(JobScriptTest, AnErrorNamesTheLauncherThatIsNotReadAsItsCause) {
  const JobFacts none = Read(absl::StrCat(kHead, "python train.py --foo\n"));
  EXPECT_THAT(none.not_read,
              Contains(AllOf(Field(&NotRead::text, "the launcher"), Field(&NotRead::is_cause, true),
                             Property(&NotRead::Flags, ""))));
  const JobFacts branch =
      Read(absl::StrCat(kHead, "if true; then\n", "torchrun pretrain_gpt.py", kModel, "\nfi\n"));
  EXPECT_THAT(branch.not_read,
              Contains(AllOf(Field(&NotRead::line, 4), Field(&NotRead::is_cause, true))));
}

TEST(JobScriptTest, InstallingALauncherStartsNothing) {
  const JobFacts facts =
      Read(absl::StrCat("pip install deepspeed\ngit clone x/deepspeed\n", Job("")));
  EXPECT_TRUE(facts.has_model);
}

TEST(JobScriptTest, TheSitesNameOfAGpuIsFoundInTheCatalogue) {
  EXPECT_EQ(Read("#!/bin/bash\n#SBATCH --gres=gpu:a100-80g:4\ntorchrun x.py").gpu_type->value,
            "A100-SXM4-80GB");
}

TEST(JobScriptTest, NodesThatAreNotReadAreNotOne) {
  const JobFacts facts = Read(
      "#!/bin/bash\n#SBATCH --nodes=2-4 --gpus-per-node=8\ntorchrun --nnodes $N "
      "--nproc-per-node 8 x.py");
  EXPECT_FALSE(facts.gpu_count.has_value());
}

TEST(JobScriptTest, BytesThatAreNoUtf8AreQuestionMarks) {
  EXPECT_EQ(Read("#!/bin/bash\n#SBATCH --gres=gpu:\xff:4\ntorchrun x.py").gpu_type->value, "?");
}

TEST(JobScriptTest, AFeatureMayNameTheGpu) {
  EXPECT_EQ(
      Read("#!/bin/bash\n#SBATCH --gres=gpu:4 -C 'ib&h100-sxm5'\ntorchrun x.py").gpu_type->value,
      "H100-SXM5-80GB");
}

TEST(JobScriptTest, TheSitesNamesOfGpusAreLookedUp) {
  const auto type_of = [](const std::string& name) {
    return name == "h100" ? std::string("H100-SXM5-80GB") : name;
  };
  for (const auto& [name, type] :
       {std::pair("h100", "H100-SXM5-80GB"), std::pair("ours", "ours")}) {
    const std::string script = absl::StrCat(
        "#!/bin/bash\n#SBATCH --nodes=4 --gpus-per-node=", name,
        ":8\nsrun torchrun --nnodes 4 --nproc-per-node 8 pretrain_gpt.py", kModel, "\n");
    const absl::StatusOr<JobFacts> facts = ReadJobScript(script, NoFiles, type_of);
    ASSERT_THAT(facts, IsOk());
    ASSERT_TRUE(facts->gpu_type.has_value());
    EXPECT_EQ(facts->gpu_type->value, type);
  }
}

TEST(JobScriptTest, AnAmbiguousNameIsNotGuessed) {
  const JobFacts facts = Read("#!/bin/bash\n#SBATCH --gres=gpu:h100:4\ntorchrun x.py");
  EXPECT_FALSE(facts.gpu_type.has_value());
  EXPECT_THAT(facts.not_read, Contains(Property(&NotRead::Flags, "--gpu TYPE")));
}

TEST(JobScriptTest, ANodeFeatureThatMeansAGpuAndIsUnknownIsNamed) {
  const JobFacts facts =
      Read("#!/bin/bash\n#SBATCH --gres=gpu:a100:4\n#SBATCH -C a100_40\ntorchrun x.py");
  EXPECT_THAT(facts.not_read, Contains(AllOf(Field(&NotRead::text, "#SBATCH -C a100_40"),
                                             Field(&NotRead::line, 3))));
}

TEST(JobScriptTest, WithoutSequenceParallelIsReadAsWritten) {
  const JobFacts facts = Read(Job("--tensor-model-parallel-size 4"));
  EXPECT_FALSE(facts.sequence_parallel->value);
  EXPECT_TRUE(Read(Job("--sequence-parallel")).sequence_parallel->value);
}

TEST(JobScriptTest, OverlapIsReadAsWritten) {
  const JobFacts none = Read(Job("--tensor-model-parallel-size 4"));
  EXPECT_FALSE(none.overlap_data_parallel->value);
  EXPECT_FALSE(none.overlap_tensor_parallel->value);
  const JobFacts both = Read(Job("--overlap-grad-reduce --tp-comm-overlap"));
  EXPECT_TRUE(both.overlap_data_parallel->value);
  EXPECT_TRUE(both.overlap_tensor_parallel->value);
}

TEST(JobScriptTest, ExpertsAreSplitAsTensorsUnlessTheCommandSaysOtherwise) {
  const std::string experts =
      "--num-experts 8 --moe-router-topk 2 --tensor-model-parallel-size 2 --vocab-size 32000 ";
  EXPECT_EQ(Read(Job(experts)).expert_tensor_parallel_size->value, 2);
  EXPECT_EQ(
      Read(Job(experts + "--expert-tensor-parallel-size 1")).expert_tensor_parallel_size->value, 1);
}

// A command of Hugging Face's Trainer on one node with `flags`.
std::string TrainerJob(absl::string_view flags) {
  return absl::StrCat("#!/bin/bash\n#SBATCH -N 1 --gpus-per-node=8\n",
                      "torchrun --nproc_per_node 8 train.py --per_device_train_batch_size 4 ",
                      flags, "\n");
}

TEST(JobScriptTest, TheTrainersFsdpIsItsSharding) {
  const JobFacts facts = Read(TrainerJob("--fsdp \"full_shard auto_wrap\" --bf16"));
  EXPECT_EQ(facts.framework, JobFramework::kTrainer);
  EXPECT_EQ(facts.zero_stage->value, 3);
  EXPECT_EQ(Read(TrainerJob("--fsdp shard_grad_op")).zero_stage->value, 2);
  EXPECT_EQ(Read(TrainerJob("--fsdp no_shard")).zero_stage->value, 0);
  EXPECT_EQ(Read(TrainerJob("--bf16")).zero_stage->value, 0);
}

TEST(JobScriptTest, TheTrainersDefaultsAreItsOwn) {
  const JobFacts facts = Read(TrainerJob("--model_max_length 512 --max_steps 7"));
  EXPECT_EQ(facts.gradient_accumulation_steps->value, 1);
  EXPECT_EQ(facts.sequence_length->value, 512);
  EXPECT_EQ(facts.step_count->value, 7);
}

TEST(JobScriptTest, TheFileOfTheTrainersFsdpIsRead) {
  const JobFacts facts =
      Read(TrainerJob("--fsdp full_shard --fsdp_config f.json"),
           [](const std::string&) { return "{\"activation_checkpointing\": true}"; });
  EXPECT_EQ(facts.recompute->value, v1::RECOMPUTE_FULL);
  EXPECT_THAT(Read(TrainerJob("--fsdp full_shard --fsdp_config f.json")).not_read,
              Contains(Property(&NotRead::Flags, "--recompute NAME")));
}

TEST(JobScriptTest, AnOptimizerThatIsNotModelledIsSaidWithItsDirection) {
  EXPECT_THAT(Read(TrainerJob("--optim adamw_8bit")).not_read,
              Contains(AllOf(Field(&NotRead::text, "--optim adamw_8bit"),
                             Field(&NotRead::reason, HasSubstr("less memory")))));
  EXPECT_THAT(Read(TrainerJob("--fsdp \"full_shard offload\"")).not_read,
              Contains(Field(&NotRead::reason, HasSubstr("less memory"))));
}

TEST(JobScriptTest, DeepspeedsOverlapIsThatOfItsFile) {
  const auto overlap = [](const std::string& zero) {
    return Read("#!/bin/bash\ndeepspeed --num_gpus 8 train.py --deepspeed ds.json\n",
                [&](const std::string&) {
                  return absl::StrCat("{\"zero_optimization\": {", zero, "}}");
                })
        .overlap_data_parallel->value;
  };
  EXPECT_FALSE(overlap("\"stage\": 2"));
  EXPECT_TRUE(overlap("\"stage\": 2, \"overlap_comm\": true"));
  EXPECT_TRUE(overlap("\"stage\": 3"));
}

TEST(JobScriptTest, AcceleratesFileIsRead) {
  const JobFacts facts = Read(
      "#!/bin/bash\naccelerate launch --config_file a.yaml train.py --per_device_train_batch_size "
      "2 "
      "--gradient_accumulation_steps 4 --max_steps 100 --block_size 2048\n",
      [](const std::string& path) -> absl::StatusOr<std::string> {
        EXPECT_EQ(path, "a.yaml");
        return "distributed_type: FSDP\nmixed_precision: bf16\nnum_machines: 2\n"
               "num_processes: 16\nfsdp_config:\n  fsdp_reshard_after_forward: false\n";
      });
  EXPECT_EQ(facts.framework, JobFramework::kAccelerate);
  EXPECT_EQ(facts.gpu_count->value, 16);
  EXPECT_EQ(facts.gpus_per_node->value, 8);
  EXPECT_EQ(facts.zero_stage->value, 2);
  EXPECT_EQ(facts.gradient_accumulation_steps->value, 4);
  EXPECT_EQ(facts.sequence_length->value, 2048);
}

TEST(JobScriptTest, DeepspeedsFileIsRead) {
  const JobFacts facts = Read(
      "#!/bin/bash\ndeepspeed --num_nodes 2 --num_gpus 8 train.py --deepspeed ds.json\n",
      [](const std::string&) -> absl::StatusOr<std::string> {
        return "{\"train_micro_batch_size_per_gpu\": 2, \"gradient_accumulation_steps\": \"auto\","
               "\"zero_optimization\": {\"stage\": 2}, \"bf16\": {\"enabled\": true}}";
      });
  EXPECT_EQ(facts.gpu_count->value, 16);
  EXPECT_EQ(facts.zero_stage->value, 2);
  EXPECT_EQ(facts.micro_batch_size->value, 2);
  EXPECT_FALSE(facts.gradient_accumulation_steps.has_value());
  EXPECT_EQ(facts.precision->value, v1::PRECISION_BF16);
}

TEST(JobScriptTest, AFileThatIsNotThereIsRemarked) {
  const JobFacts facts = Read("#!/bin/bash\naccelerate launch --config_file a.yaml train.py\n");
  EXPECT_EQ(facts.framework, JobFramework::kAccelerate);
  EXPECT_THAT(facts.not_read,
              Contains(AllOf(Field(&NotRead::reason, HasSubstr("no such file")),
                             Property(&NotRead::Flags, "--zero-stage N, --precision NAME"))));
}

TEST(JobScriptTest, OfAMissingFileOnlyWhatFlagsDoNotSayIsAskedFor) {
  const JobFacts facts = Read(
      "#!/bin/bash\ndeepspeed --num_gpus 8 train.py --deepspeed ds.json --bf16 "
      "--per_device_train_batch_size 2\n");
  EXPECT_THAT(facts.not_read,
              Contains(Property(&NotRead::Flags,
                                "--zero-stage N, --gradient-accumulation-steps N or "
                                "--batch-tokens N")));
}

TEST(JobScriptTest, AFileThatIsNoJsonIsAsMissing) {
  const JobFacts facts = Read("#!/bin/bash\ndeepspeed --num_gpus 8 train.py --deepspeed ds.json\n",
                              [](const std::string&) { return "{"; });
  EXPECT_THAT(facts.not_read, Contains(Property(&NotRead::Flags, HasSubstr("--zero-stage N"))));
}

TEST(JobScriptTest, FlagsAboutRanksThatNobodyKnowsAreRemarked) {
  const JobFacts facts = Read(
      "#!/bin/bash\ntorchrun train.py --fsdp-config f.json --tile_batch 4 --sp_parallel --lr 1\n");
  EXPECT_THAT(facts.not_read, Contains(Field(&NotRead::text, "--fsdp-config f.json")));
  EXPECT_THAT(facts.not_read, Contains(Field(&NotRead::text, "--tile_batch 4")));
  EXPECT_THAT(facts.not_read, Contains(Field(&NotRead::text, "--sp_parallel")));
  EXPECT_THAT(facts.not_read, Not(Contains(Field(&NotRead::text, "--lr 1"))));
}

TEST(JobScriptTest, TheBatchOfEvaluationIsNoPartOfAStep) {
  EXPECT_THAT(Read("#!/bin/bash\ntorchrun train.py --per_device_eval_batch_size 4\n").not_read,
              Not(Contains(Field(&NotRead::text, HasSubstr("eval")))));
}

TEST(JobScriptTest, WhatTheModelDoesNotKnowIsRemarked) {
  EXPECT_THAT(Read(Job("--optimizer-cpu-offload")).not_read,
              Contains(Field(&NotRead::text, "--optimizer-cpu-offload")));
}

TEST(JobScriptTest, AnEmittedJobIsReadBack) {
  v1::Plan plan = MakePlan();
  plan.mutable_layout()->set_recompute(v1::RECOMPUTE_SELECTIVE);
  const absl::StatusOr<LaunchText> launch = WriteLaunch(plan, LaunchKind::kSbatch);
  ASSERT_THAT(launch, IsOk());
  const JobFacts facts = Read(launch->text);
  EXPECT_EQ(facts.gpu_type->value, "H100-SXM5-80GB");
  EXPECT_EQ(facts.gpu_count->value, 16);
  EXPECT_EQ(facts.framework_name->value, "megatron");
  EXPECT_EQ(facts.zero_stage->value, 3);
  EXPECT_EQ(facts.micro_batch_size->value, 2);
  EXPECT_EQ(facts.recompute->value, v1::RECOMPUTE_SELECTIVE);
  EXPECT_EQ(facts.model.ffn_hidden_size(), 5504);
  EXPECT_EQ(facts.time_limit_seconds->value, 86400 + 3660);
  // All that is left over is where the first node is.
  ASSERT_EQ(facts.not_read.size(), 1u);
  EXPECT_EQ(facts.not_read[0].reason, "command substitution");
}

TEST(JobScriptTest, AnEmittedJobOfAChainSaysHowManyThereAre) {
  v1::Plan plan = MakePlan();
  plan.mutable_time()->set_job_count(4);
  plan.mutable_time()->set_job_limit_seconds(14400);
  const absl::StatusOr<LaunchText> launch = WriteLaunch(plan, LaunchKind::kSbatch);
  ASSERT_THAT(launch, IsOk());
  const JobFacts facts = Read(launch->text);
  EXPECT_EQ(facts.time_limit_seconds->value, 14400);
  EXPECT_EQ(facts.job_count, 4);
}

// Whatever is cut from a good job or put into it, it is read or refused.
TEST(JobScriptTest, DamagedJobsAreReadOrRefused) {
  const std::string job = WriteLaunch(MakePlan(), LaunchKind::kSbatch)->text;
  const std::string pieces[] = {"'",
                                "\"",
                                "`",
                                "$(",
                                "${",
                                "(",
                                ")",
                                "\\",
                                "\n",
                                "=",
                                "--",
                                "\x01",
                                "99999999999999999999",
                                "-1",
                                "#SBATCH ",
                                "if ",
                                "\xff"};
  std::mt19937 random(11);
  for (int round = 0; round < 3000; ++round) {
    std::string damaged = job;
    for (int edit = 0; edit < 3; ++edit) {
      const size_t at = random() % damaged.size();
      if (random() % 2 == 0) {
        damaged.erase(at, 1 + random() % 20);
      } else {
        damaged.insert(at, pieces[random() % std::size(pieces)]);
      }
      if (damaged.empty()) damaged = "\n";
    }
    const absl::StatusOr<JobFacts> facts = ReadJobScript(damaged, NoFiles);
    EXPECT_TRUE(facts.ok() || absl::IsInvalidArgument(facts.status())) << facts.status();
  }
}

}  // namespace
}  // namespace rhumb::launch
