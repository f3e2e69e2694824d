// SPDX-License-Identifier: Apache-2.0
#include "client/run_table/run_row.h"

#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/units.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::RelativelyNear;
using ::testing::HasSubstr;

using Record = std::map<std::string, std::string>;

// A run of Llama 3.1 8B on one node; tests change single columns.
Record Llama() {
  return {{"row_id", "a#1"},
          {"model", "llama"},
          {"arch", "gpt"},
          {"layers", "32"},
          {"hidden", "4096"},
          {"heads", "32"},
          {"kv_heads", "8"},
          {"ffn", "14336"},
          {"glu", "1"},
          {"vocab", "128256"},
          {"tied", "0"},
          {"seq", "8192"},
          {"gpu", "H100-SXM"},
          {"n_gpus", "8"},
          {"gpus_per_node", "8"},
          {"tp", "2"},
          {"pp", "1"},
          {"vpp", "1"},
          {"cp", "1"},
          {"dp", "4"},
          {"shard", "zero1"},
          {"mbs", "1"},
          {"gbs", "32"},
          {"recompute", "none"},
          {"attn", "flash"},
          {"precision", "bf16"},
          {"iter_s", "2.5"},
          {"mem_gib", "60"},
          {"mem_kind", "reserved"}};
}

// What ReadRunRow makes of a record.
struct Reading {
  std::optional<MeasuredRun> run;
  RunDefect defect;
};

Reading Read(const Record& record) {
  RunColumns columns;
  std::vector<std::string> values;
  for (const auto& [column, value] : record) {
    columns[column] = values.size();
    values.push_back(value);
  }
  RunCells cells(columns, values);
  Reading reading;
  reading.run = ReadRunRow(cells, GpuCatalog());
  if (!cells.ok()) reading.defect = *cells.defect();
  return reading;
}

MeasuredRun RunOf(const Record& record) {
  const Reading reading = Read(record);
  EXPECT_TRUE(reading.run.has_value()) << reading.defect.column << ": " << reading.defect.reason;
  return reading.run.value_or(MeasuredRun{});
}

RunDefect DefectOf(const Record& record) {
  const Reading reading = Read(record);
  EXPECT_FALSE(reading.run.has_value());
  return reading.defect;
}

Record With(const char* column, const char* value) {
  Record record = Llama();
  record[column] = value;
  return record;
}

TEST(RunRowTest, ReadsShapeLayoutAndMeasurements) {
  const MeasuredRun row = RunOf(Llama());
  EXPECT_EQ(row.shape.num_key_value_heads, 8);
  EXPECT_EQ(row.shape.head_dim, 128);
  EXPECT_EQ(row.layout.data_parallel_size, 4);
  EXPECT_EQ(row.layout.zero_stage, 1);
  EXPECT_EQ(row.profile.counter, MemoryCounter::kReserved);
  EXPECT_DOUBLE_EQ(row.step_seconds.value(), 2.5);
  EXPECT_DOUBLE_EQ(row.peak_bytes.value(), 60 * kGibibyte);
}

TEST(RunRowTest, TokensPerSecondPerGpuGiveTheStep) {
  Record record = With("iter_s", "");
  record["tokens_s_gpu"] = "8192";
  EXPECT_DOUBLE_EQ(RunOf(record).step_seconds.value(), 32 * 8192 / (8192.0 * 8));
}

// 312 TFLOP/s of an A100 at half utilisation, with the FLOPs of the model counted independently of
// the reader.
TEST(RunRowTest, UtilisationIsOfThePeakOfThePrecision) {
  Record record = With("iter_s", "");
  record["gpu"] = "A100-80G";
  record["mfu"] = "50";
  const double per_token =
      3 * (2 * (8030261248.0 - 128256.0 * 4096 - 65 * 4096) + 4.0 * 32 * 8192 * 4096);
  EXPECT_THAT(RunOf(record).step_seconds.value(),
              RelativelyNear(32 * 8192 * per_token / (0.5 * 312e12 * 8), 1e-3));
}

TEST(RunRowTest, GigabitsAreNotGigabytes) {
  EXPECT_DOUBLE_EQ(
      RunOf(With("inter_gbps_per_gpu", "400")).fabric.inter_node_bytes_per_second_per_gpu, 50e9);
}

TEST(RunRowTest, HybridArchitectureHasAReason) {
  EXPECT_THAT(DefectOf(With("arch", "hybrid")).reason, HasSubstr("hybrid: state-space layers"));
}

TEST(RunRowTest, AmbiguousGpuHasAReason) {
  EXPECT_THAT(DefectOf(With("gpu", "H100")).reason, HasSubstr("ambiguous"));
}

TEST(RunRowTest, ProductOfSizesMustBeTheGpus) {
  EXPECT_THAT(DefectOf(With("dp", "8")).reason,
              HasSubstr("tp * pp * cp * dp is 16 but n_gpus is 8"));
}

TEST(RunRowTest, PrecisionThatTheGpuLacksHasAReason) {
  EXPECT_THAT(DefectOf(With("precision", "nvfp4")).reason,
              HasSubstr("no peak known for precision nvfp4"));
}

TEST(RunRowTest, UnknownRecomputeModulesHaveAReason) {
  EXPECT_THAT(DefectOf(With("recompute", "selective:[mlp]")).reason, HasSubstr("selective:[mlp]"));
}

TEST(RunRowTest, UnknownShardingHasAReason) {
  EXPECT_THAT(DefectOf(With("shard", "zero9")).reason, HasSubstr("got \"zero9\""));
}

TEST(RunRowTest, PrecisionSuffixesAreReadAsWhatTheySay) {
  EXPECT_EQ(RunOf(With("precision", "amp_bf16")).layout.precision, Precision::kBf16);
  EXPECT_EQ(RunOf(With("precision", "bf16_pure")).layout.precision, Precision::kBf16);
  EXPECT_EQ(RunOf(With("precision", "amp_fp8")).layout.precision, Precision::kFp8);
}

TEST(RunRowTest, FrameworkColumnWinsOverInference) {
  EXPECT_EQ(RunOf(With("framework", "nanotron")).profile.name, "nanotron");
  EXPECT_EQ(RunOf(With("source", "pytorch/torchtitan benchmarks")).profile.name, "torchtitan");
  EXPECT_EQ(RunOf(Llama()).profile.name, "megatron");
}

TEST(RunRowTest, OutOfMemoryRowsCarryNoMeasurement) {
  const MeasuredRun row = RunOf(With("note", "OOM"));
  EXPECT_TRUE(row.out_of_memory);
  EXPECT_FALSE(row.step_seconds.has_value());
}

TEST(RunRowTest, DefectsNameTheColumn) {
  EXPECT_EQ(DefectOf(With("tp", "two")).column, "tp");
  EXPECT_EQ(DefectOf(With("heads", "")).column, "heads");
  EXPECT_EQ(DefectOf(With("iter_s", "2,5")).column, "iter_s");
}

TEST(RunRowTest, HalvesOfLayersHaveAReason) {
  EXPECT_THAT(DefectOf(With("layers", "32.5")).reason, HasSubstr("must be a whole number"));
}

TEST(RunRowTest, FieldsThatThePlannerRefusesAreNamedByTheirColumn) {
  EXPECT_EQ(DefectOf(With("kv_heads", "7")).column, "kv_heads");
  EXPECT_EQ(DefectOf(With("pp", "64")).column, "n_gpus");
}

TEST(RunRowTest, StepWithoutAnyBatchHasAReason) {
  Record record = With("mbs", "unk");
  record["gbs"] = "";
  EXPECT_EQ(DefectOf(record).column, "gbs");
}

TEST(RunRowTest, RateWithoutAnyBatchIsOfANotionalStep) {
  Record record = With("mbs", "unk");
  record["gbs"] = "";
  record["iter_s"] = "";
  record["tokens_s_gpu"] = "8192";
  const MeasuredRun run = RunOf(record);
  EXPECT_EQ(run.global_batch_size, 48 * 4);
  EXPECT_DOUBLE_EQ(run.step_seconds.value(), 48 * 4 / 8.0);
  EXPECT_THAT(run.note, HasSubstr("gbs not printed"));
}

TEST(RunRowTest, ShardingOverPartOfTheRanksHasAReason) {
  EXPECT_THAT(DefectOf(With("shard_group", "2")).reason, HasSubstr("2 of 4 ranks"));
}

TEST(RunRowTest, UnknownAttentionHasAReason) {
  EXPECT_EQ(DefectOf(With("attn", "ring")).column, "attn");
}

TEST(RunRowTest, NamedKernelsAreReadAsWhatTheySay) {
  EXPECT_EQ(RunOf(With("attn", "flash2")).profile.attention, Attention::kFlash);
  EXPECT_EQ(RunOf(With("attn", "flash3")).profile.attention, Attention::kCudnn);
}

TEST(RunRowTest, PeakOfAnUnknownCounterIsNotCompared) {
  const MeasuredRun run = RunOf(With("mem_kind", "htop"));
  EXPECT_FALSE(run.peak_bytes.has_value());
  EXPECT_THAT(run.note, HasSubstr("mem_kind \"htop\" has no formula"));
  EXPECT_TRUE(run.step_seconds.has_value());
}

TEST(RunRowTest, UtilisationBeyondAHundredPercentHasAReason) {
  Record record = With("iter_s", "");
  record["mfu"] = "140";
  EXPECT_EQ(DefectOf(record).column, "mfu");
}

// Hardware FLOPs of full recompute are four thirds of the layers' model FLOPs.
TEST(RunRowTest, HardwareTflopsCountTheRepeatedForwardPass) {
  Record record = With("iter_s", "");
  record["tflops_gpu"] = "400";
  record["tflops_kind"] = "model";
  const double model = RunOf(record).step_seconds.value();
  record["tflops_kind"] = "hw(recompute)";
  const double hardware = RunOf(record).step_seconds.value();
  EXPECT_GT(hardware, 1.25 * model);
  EXPECT_LT(hardware, 4.0 / 3 * model);
}

TEST(RunRowTest, TflopsOfAnUnknownKindAreNotCompared) {
  Record record = With("iter_s", "");
  record["tflops_gpu"] = "400";
  record["tflops_kind"] = "marketing";
  const MeasuredRun run = RunOf(record);
  EXPECT_FALSE(run.step_seconds.has_value());
  EXPECT_THAT(run.note, HasSubstr("tflops_kind \"marketing\" has no formula"));
}

TEST(RunRowTest, WhatIsNotPrintedIsNoted) {
  Record record = With("precision", "");
  record["recompute"] = "unk";
  record["mbs"] = "0";
  const MeasuredRun run = RunOf(record);
  EXPECT_TRUE(run.micro_batch_unknown);
  EXPECT_TRUE(run.recompute_unknown);
  EXPECT_THAT(run.note, HasSubstr("precision not printed: bf16 taken"));
  EXPECT_THAT(run.note, HasSubstr("framework not printed: megatron taken"));
}

TEST(RunRowTest, SizesBeyondAnyMachineHaveAReason) {
  Record record = With("tp", "1000000");
  record["pp"] = "1000000";
  record["n_gpus"] = "";
  EXPECT_EQ(DefectOf(record).column, "tp");
}

TEST(RunRowTest, CountThatTheDimensionsContradictHasAReason) {
  const RunDefect defect = DefectOf(With("params", "3e9"));
  EXPECT_EQ(defect.column, "params");
  EXPECT_THAT(defect.reason, HasSubstr("but the dimensions make 8030261248"));
}

// 6 FLOPs a token of a billion parameters more or less.
TEST(RunRowTest, GivenCountWinsOverThatOfTheDimensions) {
  Record record = With("iter_s", "");
  record["tflops_gpu"] = "400";
  record["tflops_kind"] = "6N";
  const double counted = RunOf(record).step_seconds.value();
  record["params"] = "9.030261248B";
  EXPECT_THAT(RunOf(record).step_seconds.value() - counted,
              RelativelyNear(6e9 * 32 * 8192 / (400e12 * 8), 1e-9));
}

TEST(RunRowTest, RecentReleasesOfMegatronBridgeOnBlackwellAreTheirOwnFramework) {
  Record record = With("gpu", "B200");
  record["source"] = "NVIDIA-NeMo/Megatron-Bridge docs, release 26.08";
  EXPECT_EQ(RunOf(record).profile.name, "megatron-26.06");
  record["source"] = "NVIDIA-NeMo/Megatron-Bridge docs, release 26.04.01";
  EXPECT_EQ(RunOf(record).profile.name, "megatron");
}

// Whatever stands in one cell: a reason, or a prediction that is a number.
TEST(RunRowTest, NoCellGivesAPredictionThatIsNoNumber) {
  std::vector<std::string> columns = RequiredRunColumns();
  columns.insert(columns.end(), OptionalRunColumns().begin(), OptionalRunColumns().end());
  for (const std::string& column : columns) {
    for (const char* cell :
         {"",          "0",     "1",     "-1",     "3",   "7",       "1e9",  "1000000",
          "999999999", "1e300", "nan",   "inf",    "0.5", "0x10",    "unk",  "\xff\xfe",
          "1,5",       "full",  "zero3", "hybrid", "moe", "mla_moe", "fp16", "last rank allocated",
          "\"",        "OOM"}) {
      Record record = Llama();
      record[column] = cell;
      const Reading reading = Read(record);
      if (!reading.run.has_value()) {
        EXPECT_FALSE(reading.defect.reason.empty()) << column << " " << cell;
        continue;
      }
      const RunPrediction prediction = PredictRun(*reading.run);
      EXPECT_TRUE(std::isfinite(prediction.step_seconds) && prediction.step_seconds > 0 &&
                  std::isfinite(prediction.peak_bytes) && prediction.peak_bytes > 0)
          << column << " " << cell;
      EXPECT_TRUE(std::isfinite(reading.run->step_seconds.value_or(1))) << column << " " << cell;
    }
  }
}

}  // namespace
}  // namespace rhumb
