// SPDX-License-Identifier: Apache-2.0
// A plan's model, printed as `rhumb plan --json` prints it, is a file that --arch takes.
#include "client/cli/architecture_message.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/config/architecture_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/model_shape.h"
#include "planner/plan/ladder.h"
#include "proto/convert/architecture_message.h"
#include "proto/json/json_printer.h"
#include "rhumb/v1/architecture.pb.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;

void ExpectSameCounts(const ModelShape& read, const ModelShape& printed) {
  const ParamCounts a = CountParams(read);
  const ParamCounts b = CountParams(printed);
  EXPECT_EQ(a.total, b.total);
  EXPECT_EQ(a.active, b.active);
  EXPECT_EQ(a.non_embedding, b.non_embedding);
  EXPECT_EQ(a.active_non_embedding, b.active_non_embedding);
  for (const auto convention : {FlopsConvention::kExactCausal, FlopsConvention::kExactFull}) {
    EXPECT_EQ(TrainingFlopsPerToken(read, convention, ParamCountConvention::kTotal),
              TrainingFlopsPerToken(printed, convention, ParamCountConvention::kTotal));
  }
}

void ExpectRoundTrip(const ModelShape& shape) {
  for (const auto convention :
       {ParamCountConvention::kTotal, ParamCountConvention::kNonEmbedding}) {
    const std::string json = PrintJson(convert::ToProto(shape, convention), {.indent = 2});
    const absl::StatusOr<ModelShape> read = ParseArchitecture(json);
    ASSERT_THAT(read, IsOk()) << json;
    ExpectSameCounts(*read, shape);
    ExpectSameCounts(convert::FromProto(convert::ToProto(*read)), shape);
  }
}

class ExampleRoundTripTest : public ::testing::TestWithParam<const char*> {};

TEST_P(ExampleRoundTripTest, WhatIsPrintedReadsBackWithTheSameCounts) {
  const absl::StatusOr<ModelShape> shape = ReadArchitectureFile(
      absl::StrCat(RHUMB_SOURCE_DIR "/docs/examples/architectures/", GetParam()));
  ASSERT_THAT(shape, IsOk());
  ExpectRoundTrip(*shape);
}

INSTANTIATE_TEST_SUITE_P(Examples, ExampleRoundTripTest,
                         ::testing::Values("deepseek-v3.toml", "gpt-3-175b.json",
                                           "llama-3.1-8b.json", "mixtral-8x7b.json"),
                         [](const auto& test) { return absl::StrCat("Example", test.index); });

TEST(ArchitectureMessageTest, EveryRungOfTheLadderReadsBackWithTheSameCounts) {
  for (const ModelShape& shape : Ladder(128256, 8192)) ExpectRoundTrip(shape);
}

// The switches that the ladder and the examples leave alone, each by itself.
TEST(ArchitectureMessageTest, EveryKindOfNormReadsBackWithTheSameCounts) {
  const ModelShape plain = Ladder(50000, 2048).front();
  std::vector<ModelShape> shapes(5, plain);
  shapes[0].norm_type = NormType::kLayerNorm;
  shapes[1].norm_type = NormType::kLayerNorm;
  shapes[1].norm_has_bias = false;
  shapes[2].norm_has_weight = false;
  shapes[3].final_norm = false;
  shapes[4].embedding_norm = true;
  for (const ModelShape& shape : shapes) ExpectRoundTrip(shape);
  // Or the test could not fail: each but the second of the list counts differently.
  EXPECT_NE(CountParams(shapes[0]).total, CountParams(shapes[1]).total);
  EXPECT_NE(CountParams(shapes[2]).total, CountParams(plain).total);
  EXPECT_NE(CountParams(shapes[3]).total, CountParams(plain).total);
}

TEST(ArchitectureMessageTest, TheReaderTakesTheKeysOfTheMessageAndNoOthers) {
  const auto& type = *v1::Architecture::descriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const absl::Status status =
        ParseArchitecture(absl::StrCat("{\"", type.field(i)->name(), "\": []}")).status();
    ASSERT_THAT(status, ::testing::Not(IsOk()));
    EXPECT_EQ(std::string(status.message()).find("unknown key"), std::string::npos)
        << type.field(i)->name();
  }
  for (const char* other : {"norm_has_weight", "norm_has_bias", "final_norm"}) {
    EXPECT_THAT(ParseArchitecture(absl::StrCat("{\"", other, "\": true}")),
                StatusIs(absl::StatusCode::kInvalidArgument, "unknown key"));
  }
}

TEST(ArchitectureMessageTest, ACountIsCheckedByTheConventionItIsGivenIn) {
  v1::Architecture message =
      convert::ToProto(Ladder(128256, 8192).back(), ParamCountConvention::kNonEmbedding);
  message.set_param_count_convention(v1::PARAM_COUNT_CONVENTION_TOTAL);
  EXPECT_THAT(ParseArchitecture(PrintJson(message)),
              StatusIs(absl::StatusCode::kInvalidArgument, "param_count"));
}

}  // namespace
}  // namespace rhumb
