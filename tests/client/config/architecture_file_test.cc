// SPDX-License-Identifier: Apache-2.0
#include "client/config/architecture_file.h"

#include <cstdio>
#include <fstream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/cost/model_shape.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::StatusIs;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// Llama 3 8B in the keys of a plan's model.
constexpr char kToml[] = R"(name = "llama-3-8b"
param_count = 8030261248
param_count_convention = "TOTAL"
num_layers = 32
hidden_size = 4096
num_attention_heads = 32
num_key_value_heads = 8
head_dim = 128
ffn_hidden_size = 14336
gated = true
tied_embeddings = false
vocab_size = 128256
sequence_length = 8192
)";

std::string With(const std::string& from, const std::string& to) {
  const std::string text = absl::StrReplaceAll(kToml, {{from, to}});
  EXPECT_NE(text, kToml) << "the change must apply";
  return text;
}

TEST(ArchitectureFileTest, TomlIsReadToTheUnit) {
  const absl::StatusOr<ModelShape> shape = ParseArchitecture(kToml);
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->name, "llama-3-8b");
  EXPECT_EQ(CountParams(*shape).total, 8030261248);
  EXPECT_EQ(shape->sequence_length, 8192);
}

// As `rhumb plan --json | jq .model` prints it: zeros stated, long form of the enum, int64 quoted
// as protobuf does.
TEST(ArchitectureFileTest, JsonOfAPlansModelIsReadBack) {
  const absl::StatusOr<ModelShape> shape = ParseArchitecture(
      R"({"name":"llama-3-8b","param_count":"8030261248","active_param_count":8030261248,
          "param_count_convention":"PARAM_COUNT_CONVENTION_TOTAL","num_layers":32,"hidden_size":"4096",
          "num_attention_heads":32,"num_key_value_heads":8,"head_dim":128,"ffn_hidden_size":14336,"gated":true,
          "tied_embeddings":false,"vocab_size":128256,"sequence_length":8192,"expert_count":0})");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(CountParams(*shape).total, 8030261248);
}

TEST(ArchitectureFileTest, HuggingFaceConfigIsKnownByItsModelType) {
  const absl::StatusOr<ModelShape> shape = ParseArchitecture(
      R"(
        {"model_type":"gpt2","n_embd":768,"n_layer":12,"n_head":12,"n_positions":1024,"vocab_size":50257})");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(CountParams(*shape).total, 124439808);
}

TEST(ArchitectureFileTest, ByteOrderMarkIsSkipped) {
  EXPECT_THAT(
      ParseArchitecture(absl::StrCat("\xEF\xBB\xBF",
                                     R"({"model_type":"gpt2","n_embd":768,"n_layer":12,"n_head":12,
                                                 "n_positions":1024,"vocab_size":50257})")),
      IsOk());
}

TEST(ArchitectureFileTest, KeyValueHeadsAndHeadDimHaveDefaults) {
  const absl::StatusOr<ModelShape> shape = ParseArchitecture(
      "num_layers = 2\nhidden_size = 64\nnum_attention_heads = 4\nffn_hidden_size = "
      "128\nvocab_size = 100\n"
      "sequence_length = 32\n");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->num_key_value_heads, 4);
  EXPECT_EQ(shape->head_dim, 16);
}

TEST(ArchitectureFileTest, GivenSequenceLengthWins) {
  const absl::StatusOr<ModelShape> shape = ParseArchitecture(kToml, 2048);
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->sequence_length, 2048);
}

TEST(ArchitectureFileTest, GivenSequenceLengthStandsInForAMissingOne) {
  EXPECT_THAT(ParseArchitecture(With("sequence_length = 8192", ""), 2048), IsOk());
}

TEST(ArchitectureFileTest, GivenSequenceLengthOfZeroIsRefused) {
  EXPECT_THAT(ParseArchitecture(kToml, 0), StatusIs(kInvalid, "sequence_length"));
}

TEST(ArchitectureFileTest, HumanCountsAreReadInToml) {
  const absl::StatusOr<ModelShape> shape =
      ParseArchitecture(With("sequence_length = 8192", "sequence_length = \"8K\""));
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->sequence_length, 8000);
}

TEST(ArchitectureFileTest, NonEmbeddingCountIsCheckedByItsConvention) {
  EXPECT_THAT(ParseArchitecture(absl::StrReplaceAll(
                  kToml, {{"8030261248", absl::StrCat(8030261248 - 2LL * 128256 * 4096)},
                          {"TOTAL", "non_embedding"}})),
              IsOk());
}

TEST(ArchitectureFileTest, CountThatDisagreesIsRefusedWithBothNumbers) {
  EXPECT_THAT(
      ParseArchitecture(With("8030261248", "8030261249")),
      StatusIs(
          kInvalid,
          "line 2, column 1: param_count is 8030261249, but the shape has 8030261248 (TOTAL)"));
}

TEST(ArchitectureFileTest, UnknownKeyIsRefusedWithItsPlaceAndTheAllowedOnes) {
  const absl::Status status = ParseArchitecture(With("gated = true", "gatted = true")).status();
  EXPECT_THAT(status,
              StatusIs(kInvalid,
                       "line 10, column 1: unknown key \"gatted\"; allowed are name, num_layers"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("param_count_convention"));
}

struct BadArchitecture {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};
void PrintTo(const BadArchitecture& bad, std::ostream* out) { *out << bad.name; }
class BadArchitectureTest : public ::testing::TestWithParam<BadArchitecture> {};

TEST_P(BadArchitectureTest, IsRefusedByTheKeysName) {
  EXPECT_THAT(ParseArchitecture(With(GetParam().from, GetParam().to)),
              StatusIs(kInvalid, GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    OneKey, BadArchitectureTest,
    ::testing::Values(
        BadArchitecture{"LayersMissing", "num_layers = 32", "", "num_layers is missing"},
        BadArchitecture{"VocabularyMissing", "vocab_size = 128256", "", "vocab_size is missing"},
        BadArchitecture{"SequenceMissing", "sequence_length = 8192", "",
                        "sequence_length is missing"},
        BadArchitecture{"WidthMissing", "ffn_hidden_size = 14336", "",
                        "ffn_hidden_size must be positive"},
        BadArchitecture{"LayersAreZero", "num_layers = 32", "num_layers = 0",
                        "line 4, column 1: num_layers must be"},
        BadArchitecture{"HiddenIsNegative", "hidden_size = 4096", "hidden_size = -1",
                        "hidden_size must be"},
        BadArchitecture{"HiddenIsFraction", "hidden_size = 4096", "hidden_size = 4096.5",
                        "got 4096.5"},
        BadArchitecture{"HiddenIsNaN", "hidden_size = 4096", "hidden_size = nan", "got nan"},
        BadArchitecture{"HiddenIsInfinite", "hidden_size = 4096", "hidden_size = inf", "got inf"},
        BadArchitecture{"HiddenIsText", "hidden_size = 4096", "hidden_size = \"wide\"",
                        "got \"wide\""},
        BadArchitecture{"HiddenIsHuge", "hidden_size = 4096", "hidden_size = 5000000000",
                        "hidden_size must be"},
        BadArchitecture{"FlagIsNumber", "gated = true", "gated = 1",
                        "line 10, column 1: gated must be true or false"},
        BadArchitecture{"HeadsDoNotDivide", "num_key_value_heads = 8", "num_key_value_heads = 5",
                        "line 7, column 1: num_key_value_heads must be a divisor"},
        BadArchitecture{"UnknownConvention", "\"TOTAL\"", "\"SOME\"",
                        "must be TOTAL or NON_EMBEDDING"},
        BadArchitecture{"UnknownNorm", "gated = true", "norm_type = \"BATCH\"",
                        "must be RMS or LAYER_NORM"},
        BadArchitecture{"ExpertsWithoutWidth", "gated = true", "expert_count = 8",
                        "moe_ffn_hidden_size"},
        BadArchitecture{"ChosenWithoutExperts", "gated = true", "experts_per_token = 2",
                        "line 10, column 1: experts_per_token must be 0 without expert_count"},
        BadArchitecture{"KeyTwice", "gated = true", "gated = true\ngated = false",
                        "line 11, column"},
        BadArchitecture{"Unterminated", "\"TOTAL\"", "\"TOTAL", "line 3, column"}),
    [](const auto& test) { return test.param.name; });

TEST(ArchitectureFileTest, EmptyTextIsRefused) {
  EXPECT_THAT(ParseArchitecture("  \n"), StatusIs(kInvalid, "empty"));
}

TEST(ArchitectureFileTest, ZeroByteIsRefused) {
  EXPECT_THAT(ParseArchitecture(absl::string_view("a\0b", 3)),
              StatusIs(kInvalid, "zero byte at offset 1"));
}

TEST(ArchitectureFileTest, TruncatedJsonIsRefusedWithItsPosition) {
  EXPECT_THAT(ParseArchitecture("{\"num_layers\": 32,"),
              StatusIs(kInvalid, "parse error at line 1, column 19"));
}

TEST(ArchitectureFileTest, DeepTomlIsRefused) {
  const std::string text = "a = " + std::string(100, '[') + std::string(100, ']');
  EXPECT_THAT(ParseArchitecture(text), StatusIs(kInvalid, "nested deeper than 64"));
}

TEST(ArchitectureFileTest, MissingFileIsNotFound) {
  EXPECT_THAT(ReadArchitectureFile("/nonexistent/a.toml"),
              StatusIs(absl::StatusCode::kNotFound, "no such file: /nonexistent/a.toml"));
}

TEST(ArchitectureFileTest, DirectoryIsRefused) {
  EXPECT_THAT(ReadArchitectureFile("/tmp"),
              StatusIs(absl::StatusCode::kFailedPrecondition, "it is a directory"));
}

TEST(ArchitectureFileTest, MessageBeginsWithTheFile) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/bad_architecture.toml");
  std::ofstream(path) << "num_layers = 0\n";
  EXPECT_THAT(ReadArchitectureFile(path),
              StatusIs(kInvalid, absl::StrCat(path, ": line 1, column 1: num_layers")));
  std::remove(path.c_str());
}

// Counts as docs/examples/README.md states them, from the sources named there.
TEST(ArchitectureExampleTest, Llama31) {
  const absl::StatusOr<ModelShape> shape =
      ReadArchitectureFile(RHUMB_SOURCE_DIR "/docs/examples/architectures/llama-3.1-8b.json");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(CountParams(*shape).total, 8030261248);
}

TEST(ArchitectureExampleTest, Mixtral) {
  const absl::StatusOr<ModelShape> shape =
      ReadArchitectureFile(RHUMB_SOURCE_DIR "/docs/examples/architectures/mixtral-8x7b.json");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(CountParams(*shape).total, 46702792704);
  EXPECT_EQ(CountParams(*shape).active, 12879925248);
}

// GPT-3 paper, arXiv:2005.14165, table D.1: "174,600" million parameters. To the unit by hand: 12 L
// h^2, 9 h of biases and 4 h of norms a layer, the final norm, 50257 tokens and 2048 positions.
TEST(ArchitectureExampleTest, Gpt3) {
  const absl::StatusOr<ModelShape> shape =
      ReadArchitectureFile(RHUMB_SOURCE_DIR "/docs/examples/architectures/gpt-3-175b.json");
  ASSERT_THAT(shape, IsOk());
  const int64_t h = 12288;
  EXPECT_EQ(CountParams(*shape).total, 96 * (12 * h * h + 13 * h) + 2 * h + (50257 + 2048) * h);
  EXPECT_NEAR(static_cast<double>(CountParams(*shape).total), 174600e6, 50e6);
}

TEST(ArchitectureExampleTest, DeepSeekV3) {
  const absl::StatusOr<ModelShape> shape =
      ReadArchitectureFile(RHUMB_SOURCE_DIR "/docs/examples/architectures/deepseek-v3.toml");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(CountParams(*shape).total, 671026419200);
}

}  // namespace
}  // namespace rhumb
