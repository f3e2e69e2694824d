// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/model_shape.h"

#include <cstdint>
#include <fstream>
#include <limits>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "planner/laws/law.h"
#include "tests/matchers.h"

namespace rhumb {
namespace {

using ::rhumb::testing_support::IsOk;
using ::rhumb::testing_support::RelativelyNear;
using ::rhumb::testing_support::StatusIs;
using ::testing::HasSubstr;

using Row = std::map<std::string, std::string>;

std::vector<std::string> SplitCsvLine(const std::string& line) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back() += c;
    }
  }
  return cells;
}

// Rows of a CSV file by column name; lines of '#' and lines shorter than the header are left out.
std::vector<Row> ReadCsv(const std::string& path) {
  std::ifstream file(path);
  std::vector<Row> rows;
  std::vector<std::string> header;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> cells = SplitCsvLine(line);
    if (header.empty()) {
      header = cells;
    } else if (cells.size() == header.size()) {
      Row row;
      for (size_t i = 0; i < header.size(); ++i) row[header[i]] = cells[i];
      rows.push_back(row);
    }
  }
  return rows;
}

int64_t IntegerOf(const Row& row, const std::string& column) {
  int64_t value = 0;
  const std::string& text = row.at(column);
  EXPECT_TRUE(text.empty() || absl::SimpleAtoi(text, &value)) << column << " = " << text;
  return value;
}

ModelShape ShapeOf(const Row& row, const std::string& extras) {
  ModelShape shape;
  shape.name = row.at("model");
  shape.num_layers = IntegerOf(row, "layers");
  shape.hidden_size = IntegerOf(row, "hidden");
  shape.num_attention_heads = IntegerOf(row, "heads");
  shape.num_key_value_heads = IntegerOf(row, "kv_heads");
  shape.head_dim = IntegerOf(row, "head_dim");
  shape.ffn_hidden_size = IntegerOf(row, "ffn");
  shape.gated = row.at("glu") == "1";
  shape.vocab_size = IntegerOf(row, "vocab");
  shape.tied_embeddings = row.at("tied") == "1";
  shape.learned_position_count = IntegerOf(row, "learned_pos");
  shape.sequence_length = 1024;
  const std::string& biases = row.at("biases");
  shape.qkv_bias = biases != "none";
  shape.attention_output_bias = biases == "all" || biases == "qkvo";
  shape.mlp_bias = biases == "all";
  const std::string& norm = row.at("norm_type");
  shape.norm_type = norm == "rms" ? NormType::kRms : NormType::kLayerNorm;
  shape.norm_has_weight = norm != "none";
  shape.norm_has_bias = norm == "ln";
  shape.norms_per_layer = IntegerOf(row, "norms_per_layer");
  shape.qk_norm_param_count = IntegerOf(row, "qk_norm_params");
  shape.expert_count = IntegerOf(row, "experts");
  shape.experts_per_token = IntegerOf(row, "topk");
  shape.moe_ffn_hidden_size = IntegerOf(row, "moe_ffn");
  shape.shared_expert_ffn_hidden_size = IntegerOf(row, "shared_ffn");
  shape.num_moe_layers = IntegerOf(row, "moe_layers");
  shape.q_lora_rank = IntegerOf(row, "mla_q_lora");
  shape.kv_lora_rank = IntegerOf(row, "mla_kv_lora");
  shape.qk_nope_head_dim = IntegerOf(row, "mla_qk_nope");
  shape.qk_rope_head_dim = IntegerOf(row, "mla_qk_rope");
  shape.v_head_dim = IntegerOf(row, "mla_v");
  for (const absl::string_view extra : absl::StrSplit(extras, ' ', absl::SkipEmpty())) {
    if (extra == "head_bias") shape.head_bias = true;
    if (extra == "mlp_bias") shape.mlp_bias = true;
    if (extra == "attention_output_bias") shape.attention_output_bias = true;
    if (extra == "embedding_norm") shape.embedding_norm = true;
    if (extra == "shared_expert_gate") shape.shared_expert_gate = true;
    if (extra == "router_bias") shape.router_bias = true;
    if (extra == "expert_bias") shape.expert_bias = true;
    if (extra == "attention_sinks") shape.attention_sinks = true;
  }
  return shape;
}

// What the shared table says of a family in words (its note column) or leaves to the family's name.
std::string ExtrasOf(const Row& row) {
  const std::string& model = row.at("model");
  const auto starts_with = [&model](const std::string& prefix) {
    return model.rfind(prefix, 0) == 0;
  };
  if (starts_with("GPT-J")) return "mlp_bias head_bias";
  if (starts_with("GPT-Neo-")) return "mlp_bias attention_output_bias";
  if (starts_with("Phi-2")) return "head_bias";
  if (starts_with("BLOOM")) return "embedding_norm";
  if (starts_with("Qwen1.5-MoE")) return "shared_expert_gate";
  if (starts_with("DeepSeek-V3") || starts_with("Kimi-K2")) return "router_bias";
  if (starts_with("gpt-oss")) return "router_bias expert_bias attention_sinks";
  return "";
}

TEST(CountParamsTest, PublishedTotalsAreReproducedToTheUnit) {
  const std::vector<Row> rows = ReadCsv(RHUMB_TEST_DATA_DIR "/published_param_counts.csv");
  ASSERT_EQ(rows.size(), 18u);
  for (const Row& row : rows) {
    const ModelShape shape = ShapeOf(row, row.at("extras"));
    SCOPED_TRACE(shape.name);
    EXPECT_THAT(ValidateModelShape(shape), IsOk());
    EXPECT_EQ(CountParams(shape).total, IntegerOf(row, "published_total"));
    EXPECT_EQ(CountParams(shape).active, IntegerOf(row, "active_params_formula"));
  }
}

TEST(CountParamsTest, EveryRowOfTheSharedTableIsReproducedToTheUnit) {
  const std::vector<Row> rows = ReadCsv(RHUMB_SHARED_DIR "/perf/param_counts.csv");
  if (rows.empty()) GTEST_SKIP() << "SKIPPED: " RHUMB_SHARED_DIR "/perf/param_counts.csv is absent";
  int published_count = 0;
  for (const Row& row : rows) {
    const ModelShape shape = ShapeOf(row, ExtrasOf(row));
    SCOPED_TRACE(shape.name);
    EXPECT_THAT(ValidateModelShape(shape), IsOk());
    const ParamCounts counts = CountParams(shape);
    EXPECT_EQ(counts.total, IntegerOf(row, "total_params_formula"));
    EXPECT_EQ(counts.active, IntegerOf(row, "active_params_formula"));
    if (row.at("published_total").empty()) continue;
    ++published_count;
    EXPECT_EQ(counts.total, IntegerOf(row, "published_total"));
  }
  EXPECT_EQ(rows.size(), 77u);
  EXPECT_EQ(published_count, 70);
}

// Llama 3 8B: the dimensions of its released config.json.
ModelShape Llama3() {
  ModelShape shape;
  shape.name = "llama-3-8b";
  shape.num_layers = 32;
  shape.hidden_size = 4096;
  shape.num_attention_heads = 32;
  shape.num_key_value_heads = 8;
  shape.head_dim = 128;
  shape.ffn_hidden_size = 14336;
  shape.vocab_size = 128256;
  shape.sequence_length = 8192;
  return shape;
}

ModelShape SmallMoe() {
  ModelShape shape = Llama3();
  shape.expert_count = 8;
  shape.experts_per_token = 2;
  shape.moe_ffn_hidden_size = 1024;
  shape.num_moe_layers = 31;
  return shape;
}

TEST(CountParamsTest, PartsSumToTheTotal) {
  const ModelShape shape = SmallMoe();
  const ParamCounts counts = CountParams(shape);
  EXPECT_EQ(counts.total, counts.token_embedding + counts.position_embedding + counts.output_head +
                              counts.other +
                              32 * (counts.attention_per_layer + counts.norms_per_layer) +
                              1 * counts.dense_mlp_per_layer +
                              31 * (counts.expert_per_layer + counts.shared_expert_per_layer +
                                    counts.router_per_layer));
}

TEST(CountParamsTest, ActiveCountLeavesOutTheExpertsNotChosen) {
  const ParamCounts counts = CountParams(SmallMoe());
  EXPECT_EQ(counts.total - counts.active, int64_t{31} * 6 * 3 * 4096 * 1024);
}

// OPT-350M embeds in 512 and projects to 1024 and back; no final norm (it normalises after each
// layer). Total: facebook/opt-350m, 331,196,416, as Hugging Face counts it.
TEST(CountParamsTest, ProjectedEmbeddingsAreCounted) {
  ModelShape shape;
  shape.num_layers = 24;
  shape.hidden_size = 1024;
  shape.num_attention_heads = 16;
  shape.num_key_value_heads = 16;
  shape.head_dim = 64;
  shape.ffn_hidden_size = 4096;
  shape.gated = false;
  shape.tied_embeddings = true;
  shape.vocab_size = 50272;
  shape.sequence_length = 2048;
  shape.learned_position_count = 2050;
  shape.embedding_size = 512;
  shape.qkv_bias = shape.attention_output_bias = shape.mlp_bias = true;
  shape.norm_type = NormType::kLayerNorm;
  shape.final_norm = false;
  EXPECT_EQ(CountParams(shape).total, 331196416);
}

// Kaplan et al. 2020, arXiv:2001.08361, eq. (2.1): N = 12 n_layer d_model^2 with d_ff = 4 d_model;
// without biases and norms, which the equation leaves out.
ModelShape KaplanShape(int64_t num_layers, int64_t hidden_size, int64_t sequence_length) {
  ModelShape shape;
  shape.num_layers = num_layers;
  shape.hidden_size = hidden_size;
  shape.num_attention_heads = 12;
  shape.num_key_value_heads = 12;
  shape.head_dim = hidden_size / 12;
  shape.ffn_hidden_size = 4 * hidden_size;
  shape.gated = false;
  shape.tied_embeddings = true;
  shape.vocab_size = 50257;
  shape.sequence_length = sequence_length;
  shape.norm_has_weight = false;
  return shape;
}

TEST(CountParamsTest, NonEmbeddingCountIsKaplansEquation) {
  EXPECT_EQ(CountParams(KaplanShape(12, 768, 1024)).non_embedding, 84934656);  // 12 * 12 * 768^2
  EXPECT_EQ(ParamCount(KaplanShape(12, 768, 1024), ParamCountConvention::kNonEmbedding),
            84934656.0);
  EXPECT_EQ(ParamCount(KaplanShape(12, 768, 1024), ParamCountConvention::kTotal),
            84934656.0 + 50257.0 * 768);
}

// Kaplan et al. 2020, eq. (2.2): forward FLOPs per token = 2 N + 2 n_layer n_ctx d_attn; training
// is three times that. We also count the output head (2 V d), which the equation leaves out.
TEST(TrainingFlopsTest, CausalFlopsAreKaplansEquationPlusTheHead) {
  const double head = 3.0 * 2 * 50257 * 768;
  EXPECT_DOUBLE_EQ(TrainingFlopsPerToken(KaplanShape(12, 768, 1024), FlopsConvention::kExactCausal,
                                         ParamCountConvention::kNonEmbedding) -
                       head,
                   3.0 * (2.0 * 84934656 + 2.0 * 12 * 1024 * 768));
}

TEST(TrainingFlopsTest, FullSquareDoublesTheAttentionTerm) {
  const ModelShape shape = Llama3();
  const double linear = 6.0 * (8030261248.0 - 128256.0 * 4096);
  const double causal =
      TrainingFlopsPerToken(shape, FlopsConvention::kExactCausal, ParamCountConvention::kTotal) -
      linear;
  const double full =
      TrainingFlopsPerToken(shape, FlopsConvention::kExactFull, ParamCountConvention::kTotal) -
      linear;
  EXPECT_DOUBLE_EQ(causal, 6.0 * 32 * 8192 * 4096);
  EXPECT_DOUBLE_EQ(full, 2 * causal);
}

TEST(TrainingFlopsTest, SixNdFollowsTheConventionOfN) {
  EXPECT_EQ(TrainingFlopsPerToken(Llama3(), FlopsConvention::kSixNd, ParamCountConvention::kTotal),
            6.0 * 8030261248);
  EXPECT_EQ(
      TrainingFlopsPerToken(Llama3(), FlopsConvention::kSixNd, ParamCountConvention::kNonEmbedding),
      6.0 * (8030261248 - 2.0 * 128256 * 4096));
}

TEST(TrainingFlopsTest, SixNdOfExpertsCountsTheActiveOnes) {
  EXPECT_EQ(
      TrainingFlopsPerToken(SmallMoe(), FlopsConvention::kSixNd, ParamCountConvention::kTotal),
      6.0 * static_cast<double>(CountParams(SmallMoe()).active));
}

TEST(TrainingFlopsTest, WindowLayersSeeAtMostTheirWindow) {
  ModelShape shape = Llama3();
  const double without =
      TrainingFlopsPerToken(shape, FlopsConvention::kExactFull, ParamCountConvention::kTotal);
  shape.sliding_window = 1024;
  shape.num_sliding_window_layers = 20;
  EXPECT_DOUBLE_EQ(without - TrainingFlopsPerToken(shape, FlopsConvention::kExactFull,
                                                   ParamCountConvention::kTotal),
                   12.0 * 20 * (8192 - 1024) * 4096);
}

TEST(TrainingFlopsTest, WindowLongerThanTheSequenceChangesNothing) {
  ModelShape shape = Llama3();
  const double without =
      TrainingFlopsPerToken(shape, FlopsConvention::kExactCausal, ParamCountConvention::kTotal);
  shape.sliding_window = 16384;
  shape.num_sliding_window_layers = 32;
  EXPECT_EQ(
      TrainingFlopsPerToken(shape, FlopsConvention::kExactCausal, ParamCountConvention::kTotal),
      without);
}

// DeepSeek-V2-Lite (arXiv:2405.04434, appendix B): 27 layers, 16 heads, d_qk = 128 + 64, d_v = 128.
TEST(TrainingFlopsTest, LatentAttentionUsesItsOwnHeadWidths) {
  ModelShape shape = Llama3();
  shape.num_layers = 27;
  shape.num_attention_heads = shape.num_key_value_heads = 16;
  shape.sequence_length = 4096;
  shape.kv_lora_rank = 512;
  shape.qk_nope_head_dim = 128;
  shape.qk_rope_head_dim = 64;
  shape.v_head_dim = 128;
  const double full =
      TrainingFlopsPerToken(shape, FlopsConvention::kExactFull, ParamCountConvention::kTotal);
  const double causal =
      TrainingFlopsPerToken(shape, FlopsConvention::kExactCausal, ParamCountConvention::kTotal);
  EXPECT_DOUBLE_EQ(full - causal, 3.0 * 27 * 4096 * 16 * (192 + 128));
}

TEST(PaddedVocabSizeTest, Gpt2PadsTo50304) { EXPECT_EQ(PaddedVocabSize(50257, 1), 50304); }
TEST(PaddedVocabSizeTest, PaddingGrowsWithTensorParallelSize) {
  EXPECT_EQ(PaddedVocabSize(50257, 8), 51200);
}
TEST(PaddedVocabSizeTest, MultipleStaysAsItIs) { EXPECT_EQ(PaddedVocabSize(128000, 8), 128000); }

TEST(ValidateModelShapeTest, PublishedShapeIsValid) {
  EXPECT_THAT(ValidateModelShape(Llama3()), IsOk());
}

// One field of a valid shape set to a value that must be refused by that field's name.
struct BadField {
  const char* field;
  int64_t ModelShape::*member;
  int64_t value;
};

// Names the case in test listings.
void PrintTo(const BadField& value, std::ostream* out) {
  *out << value.field << " = " << value.value;
}

class ValidateModelShapeFieldTest : public ::testing::TestWithParam<BadField> {};

TEST_P(ValidateModelShapeFieldTest, IsRefusedByName) {
  ModelShape shape = SmallMoe();
  shape.*GetParam().member = GetParam().value;
  EXPECT_THAT(ValidateModelShape(shape),
              StatusIs(absl::StatusCode::kInvalidArgument, GetParam().field));
  EXPECT_THAT(std::string(ValidateModelShape(shape).message()),
              HasSubstr(std::to_string(GetParam().value)));
}

constexpr int64_t kHuge = std::numeric_limits<int64_t>::max();
INSTANTIATE_TEST_SUITE_P(
    OneField, ValidateModelShapeFieldTest,
    ::testing::Values(BadField{"num_layers", &ModelShape::num_layers, 0},
                      BadField{"num_layers", &ModelShape::num_layers, kHuge},
                      BadField{"hidden_size", &ModelShape::hidden_size, -4096},
                      BadField{"num_attention_heads", &ModelShape::num_attention_heads, 0},
                      BadField{"num_key_value_heads", &ModelShape::num_key_value_heads, 7},
                      BadField{"num_key_value_heads", &ModelShape::num_key_value_heads, 64},
                      BadField{"head_dim", &ModelShape::head_dim, 0},
                      BadField{"ffn_hidden_size", &ModelShape::ffn_hidden_size, 0},
                      BadField{"vocab_size", &ModelShape::vocab_size, 0},
                      BadField{"sequence_length", &ModelShape::sequence_length, -1},
                      BadField{"learned_position_count", &ModelShape::learned_position_count, -1},
                      BadField{"sequence_length", &ModelShape::sequence_length, 0},
                      BadField{"experts_per_token", &ModelShape::experts_per_token, 9},
                      BadField{"experts_per_token", &ModelShape::experts_per_token, 0},
                      BadField{"moe_ffn_hidden_size", &ModelShape::moe_ffn_hidden_size, 0},
                      BadField{"num_moe_layers", &ModelShape::num_moe_layers, 33},
                      BadField{"v_head_dim", &ModelShape::v_head_dim, 128},
                      BadField{"num_sliding_window_layers", &ModelShape::num_sliding_window_layers,
                               33},
                      BadField{"sliding_window", &ModelShape::sliding_window, -1},
                      BadField{"norms_per_layer", &ModelShape::norms_per_layer, -1}));

TEST(ValidateModelShapeTest, SequenceBeyondLearnedPositionsIsRefused) {
  ModelShape shape = Llama3();
  shape.learned_position_count = 2048;
  EXPECT_THAT(ValidateModelShape(shape),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "at most learned_position_count (2048), got 8192"));
}

TEST(ValidateModelShapeTest, WindowLayersNeedAWindow) {
  ModelShape shape = Llama3();
  shape.num_sliding_window_layers = 4;
  EXPECT_THAT(ValidateModelShape(shape),
              StatusIs(absl::StatusCode::kInvalidArgument, "sliding_window"));
}

TEST(ValidateModelShapeTest, ExpertFieldsWithoutExpertsAreRefused) {
  ModelShape shape = Llama3();
  shape.experts_per_token = 2;
  EXPECT_THAT(ValidateModelShape(shape),
              StatusIs(absl::StatusCode::kInvalidArgument, "experts_per_token"));
}

// 1e9-wide everything would overflow int64 in CountParams; it is refused before.
TEST(ValidateModelShapeTest, CountBeyondInt64IsRefused) {
  ModelShape shape = Llama3();
  shape.hidden_size = 1'000'000'000;
  shape.ffn_hidden_size = 1'000'000'000;
  EXPECT_THAT(ValidateModelShape(shape),
              StatusIs(absl::StatusCode::kInvalidArgument, "parameters; at most 1e+18"));
}

}  // namespace
}  // namespace rhumb
