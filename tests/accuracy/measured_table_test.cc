// SPDX-License-Identifier: Apache-2.0
#include "tests/accuracy/measured_table.h"

#include <string>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/units.h"
#include "tests/matchers.h"

namespace rhumb::accuracy {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// A run of Llama 3.1 8B on one node; tests change single columns.
CsvRecord Record() {
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

MeasuredRow Parse(const CsvRecord& record) {
  absl::StatusOr<MeasuredRow> row = ParseMeasuredRow(record);
  EXPECT_THAT(row, IsOk());
  return *row;
}

CsvRecord With(const char* column, const char* value) {
  CsvRecord record = Record();
  record[column] = value;
  return record;
}

TEST(ParseCsvTest, QuotedFieldsHoldCommasAndQuotes) {
  const auto records = ParseCsv("# comment\na,b\n\"x, \"\"y\"\"\",2\n").value();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].at("a"), "x, \"y\"");
  EXPECT_EQ(records[0].at("b"), "2");
}

TEST(ParseCsvTest, SurplusFieldsNameTheLine) {
  EXPECT_THAT(ParseCsv("a,b\n1,2\n1,2,3\n"), StatusIs(kInvalid, "line 3"));
}

TEST(MeasuredRowTest, ReadsShapeLayoutAndMeasurements) {
  const MeasuredRow row = Parse(Record());
  EXPECT_EQ(row.shape.num_key_value_heads, 8);
  EXPECT_EQ(row.shape.head_dim, 128);
  EXPECT_EQ(row.layout.data_parallel_size, 4);
  EXPECT_EQ(row.layout.zero_stage, 1);
  EXPECT_EQ(row.profile.counter, MemoryCounter::kReserved);
  EXPECT_DOUBLE_EQ(row.step_seconds.value(), 2.5);
  EXPECT_DOUBLE_EQ(row.peak_bytes.value(), 60 * kGibibyte);
}

TEST(MeasuredRowTest, TokensPerSecondPerGpuGiveTheStep) {
  CsvRecord record = With("iter_s", "");
  record["tokens_s_gpu"] = "8192";
  EXPECT_DOUBLE_EQ(Parse(record).step_seconds.value(), 32 * 8192 / (8192.0 * 8));
}

// 312 TFLOP/s of an A100 at half utilisation, with the FLOPs of the model counted independently of
// the reader.
TEST(MeasuredRowTest, UtilisationIsOfThePeakOfThePrecision) {
  CsvRecord record = With("iter_s", "");
  record["gpu"] = "A100-80G";
  record["mfu"] = "50";
  const double per_token =
      3 * (2 * (8030261248.0 - 128256.0 * 4096 - 65 * 4096) + 4.0 * 32 * 8192 * 4096);
  EXPECT_THAT(Parse(record).step_seconds.value(),
              RelativelyNear(32 * 8192 * per_token / (0.5 * 312e12 * 8), 1e-3));
}

TEST(MeasuredRowTest, GigabitsAreNotGigabytes) {
  EXPECT_DOUBLE_EQ(
      Parse(With("inter_gbps_per_gpu", "400")).fabric.inter_node_bytes_per_second_per_gpu, 50e9);
}

TEST(MeasuredRowTest, HybridArchitectureHasAReason) {
  EXPECT_THAT(ParseMeasuredRow(With("arch", "hybrid")), StatusIs(kInvalid, "arch hybrid"));
}

TEST(MeasuredRowTest, AmbiguousGpuHasAReason) {
  EXPECT_THAT(ParseMeasuredRow(With("gpu", "H100")), StatusIs(kInvalid, "ambiguous"));
}

TEST(MeasuredRowTest, ProductOfSizesMustBeTheGpus) {
  EXPECT_THAT(ParseMeasuredRow(With("dp", "8")),
              StatusIs(kInvalid, "tp * pp * cp * dp is 16 but n_gpus is 8"));
}

TEST(MeasuredRowTest, PrecisionThatTheGpuLacksHasAReason) {
  EXPECT_THAT(ParseMeasuredRow(With("precision", "nvfp4")),
              StatusIs(kInvalid, "no peak known for precision nvfp4"));
}

TEST(MeasuredRowTest, UnknownRecomputeModulesHaveAReason) {
  EXPECT_THAT(ParseMeasuredRow(With("recompute", "selective:[mlp]")),
              StatusIs(kInvalid, "selective:[mlp]"));
}

TEST(MeasuredRowTest, UnknownShardingHasAReason) {
  EXPECT_THAT(ParseMeasuredRow(With("shard", "zero9")), StatusIs(kInvalid, "got zero9"));
}

TEST(MeasuredRowTest, PrecisionSuffixesAreReadAsWhatTheySay) {
  EXPECT_EQ(Parse(With("precision", "amp_bf16")).layout.precision, Precision::kBf16);
  EXPECT_EQ(Parse(With("precision", "bf16_pure")).layout.precision, Precision::kBf16);
  EXPECT_EQ(Parse(With("precision", "amp_fp8")).layout.precision, Precision::kFp8);
}

TEST(MeasuredRowTest, FrameworkColumnWinsOverInference) {
  EXPECT_EQ(Parse(With("framework", "nanotron")).profile.name, "nanotron");
  EXPECT_EQ(Parse(With("source", "pytorch/torchtitan benchmarks")).profile.name, "torchtitan");
  EXPECT_EQ(Parse(Record()).profile.name, "megatron");
}

TEST(MeasuredRowTest, OutOfMemoryRowsCarryNoMeasurement) {
  const MeasuredRow row = Parse(With("note", "OOM"));
  EXPECT_TRUE(row.out_of_memory);
  EXPECT_FALSE(row.step_seconds.has_value());
}

TEST(PredictTest, EverySecondLayerRecomputedLiesHalfWay) {
  const TimeConstants& constants = TimeConstantsOf("hopper");
  const double none = Predict(Parse(Record()), constants).step_seconds;
  const double full = Predict(Parse(With("recompute", "full")), constants).step_seconds;
  EXPECT_THAT(Predict(Parse(With("recompute", "sac_layer2")), constants).step_seconds,
              RelativelyNear((none + full) / 2, 1e-9));
}

TEST(PredictTest, UnprintedMicroBatchTakesTheFastestThatFits) {
  const TimeConstants& constants = TimeConstantsOf("hopper");
  const MeasuredRow row = Parse(With("mbs", "unk"));
  const Prediction best = Predict(row, constants);
  EXPECT_THAT(best.note, HasSubstr("micro-batch not printed"));
  EXPECT_LE(best.step_seconds, Predict(Parse(With("mbs", "1")), constants).step_seconds);
  EXPECT_EQ(row.global_batch_size % (best.layout.micro_batch_size * row.layout.data_parallel_size),
            0);
}

TEST(PredictTest, UnprintedRecomputeIsNoneWhereEverythingFits) {
  const TimeConstants& constants = TimeConstantsOf("hopper");
  CsvRecord record = Record();
  record["seq"] = "2048";
  const double none = Predict(Parse(record), constants).step_seconds;
  record["recompute"] = "unk";
  EXPECT_DOUBLE_EQ(Predict(Parse(record), constants).step_seconds, none);
}

TEST(PredictTest, UnprintedRecomputeIsPartlyFullWhereOnlyThatFits) {
  const TimeConstants& constants = TimeConstantsOf("hopper");
  CsvRecord record = Record();
  record["mbs"] = "4";
  const Prediction none = Predict(Parse(record), constants);
  record["recompute"] = "full";
  const Prediction full = Predict(Parse(record), constants);
  ASSERT_GT(none.peak_bytes, 80 * kGibibyte);
  ASSERT_LT(full.peak_bytes, 70 * kGibibyte);
  record["recompute"] = "unk";
  const Prediction unknown = Predict(Parse(record), constants);
  EXPECT_GT(unknown.step_seconds, none.step_seconds);
  EXPECT_LT(unknown.step_seconds, full.step_seconds);
}

}  // namespace
}  // namespace rhumb::accuracy
