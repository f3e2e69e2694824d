// SPDX-License-Identifier: Apache-2.0
#include "client/config/hf_config.h"

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
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

// The dimensions of a released config.json and the count published for it. Keys that do not change
// a count are left out, as are those whose class default the release relies on. Counts, unless
// noted: keras-hub presets
// @71453d08 or the safetensors total of the repository on Hugging Face; see
// published_param_counts.csv.
struct Release {
  const char* name;
  const char* config;
  int64_t total;
};

void PrintTo(const Release& release, std::ostream* out) { *out << release.name; }

class PublishedConfigTest : public ::testing::TestWithParam<Release> {};

TEST_P(PublishedConfigTest, CountIsThePublishedOneToTheUnit) {
  const absl::StatusOr<ModelShape> shape =
      ShapeFromHuggingFaceConfig(GetParam().config, std::nullopt);
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(CountParams(*shape).total, GetParam().total);
}

constexpr Release kReleases[] = {
    {"Llama2_7B",
     R"({"model_type":"llama","hidden_size":4096,"intermediate_size":11008,"num_hidden_layers":32,
         "num_attention_heads":32,"num_key_value_heads":32,"vocab_size":32000,"tie_word_embeddings":false,
         "max_position_embeddings":4096,"attention_bias":false,"pretraining_tp":1})",
     6738415616},
    {"Llama1_65B_WithoutKeyValueHeads",  // older than num_key_value_heads
     R"({"model_type":"llama","hidden_size":8192,"intermediate_size":22016,"num_hidden_layers":80,
         "num_attention_heads":64,"vocab_size":32000,"max_position_embeddings":2048})",
     65285660672},
    {"Llama3_1_8B",
     R"({"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,"mlp_bias":false,
         "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":131072,
         "rope_scaling":{"factor":8.0,"rope_type":"llama3"},"torch_dtype":"bfloat16"})",
     8030261248},
    {"Llama3_2_1B_Tied",
     R"({"model_type":"llama","hidden_size":2048,"intermediate_size":8192,"num_hidden_layers":16,"head_dim":64,
         "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":131072,
         "tie_word_embeddings":true})",
     1235814400},
    {"Mistral7B_v03",
     R"({"model_type":"mistral","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
         "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":32768,"max_position_embeddings":32768,
         "sliding_window":null})",
     7248023552},
    {"MistralNemo_HeadDimNotHiddenOverHeads",
     R"({"model_type":"mistral","hidden_size":5120,"intermediate_size":14336,"num_hidden_layers":40,
         "num_attention_heads":32,"num_key_value_heads":8,"head_dim":128,"vocab_size":131072,
         "max_position_embeddings":131072,"sliding_window":null})",
     12247782400},
    {"Mixtral8x7B",
     R"({"model_type":"mixtral","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
         "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":32000,"max_position_embeddings":32768,
         "num_local_experts":8,"num_experts_per_tok":2,"sliding_window":null})",
     46702792704},
    {"Qwen25_05B_Tied",
     R"({"model_type":"qwen2","hidden_size":896,"intermediate_size":4864,"num_hidden_layers":24,
         "num_attention_heads":14,"num_key_value_heads":2,"vocab_size":151936,"max_position_embeddings":32768,
         "tie_word_embeddings":true,"use_sliding_window":false,"sliding_window":32768,"max_window_layers":24})",
     494032768},
    {"Qwen25_7B",
     R"({"model_type":"qwen2","hidden_size":3584,"intermediate_size":18944,"num_hidden_layers":28,
         "num_attention_heads":28,"num_key_value_heads":4,"vocab_size":152064,"max_position_embeddings":131072})",
     7615616512},
    {"Qwen15_MoE_A27B",
     R"({"model_type":"qwen2_moe","hidden_size":2048,"intermediate_size":5632,"num_hidden_layers":24,
         "num_attention_heads":16,"num_key_value_heads":16,"vocab_size":151936,"max_position_embeddings":8192,
         "num_experts":60,"num_experts_per_tok":4,"moe_intermediate_size":1408,
         "shared_expert_intermediate_size":5632,"decoder_sparse_step":1})",
     14315784192},
    {"Qwen3_06B",
     R"({"model_type":"qwen3","hidden_size":1024,"intermediate_size":3072,"num_hidden_layers":28,"head_dim":128,
         "num_attention_heads":16,"num_key_value_heads":8,"vocab_size":151936,"max_position_embeddings":40960,
         "tie_word_embeddings":true})",
     596049920},
    {"Qwen3_8B",
     R"({"model_type":"qwen3","hidden_size":4096,"intermediate_size":12288,"num_hidden_layers":36,
         "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":151936,"max_position_embeddings":40960})",
     8190735360},
    {"Qwen3_30B_A3B",
     R"({"model_type":"qwen3_moe","hidden_size":2048,"intermediate_size":6144,"num_hidden_layers":48,"head_dim":128,
         "num_attention_heads":32,"num_key_value_heads":4,"vocab_size":151936,"max_position_embeddings":40960,
         "num_experts":128,"num_experts_per_tok":8,"moe_intermediate_size":768,"decoder_sparse_step":1,
         "mlp_only_layers":[]})",
     30532122624},
    {"Gemma7B_TiedByDefault",
     R"({"model_type":"gemma","hidden_size":3072,"intermediate_size":24576,"num_hidden_layers":28,"head_dim":256,
         "num_attention_heads":16,"num_key_value_heads":16,"vocab_size":256000,"max_position_embeddings":8192})",
     8537680896},
    {"Gemma2_9B",
     R"({"model_type":"gemma2","hidden_size":3584,"intermediate_size":14336,"num_hidden_layers":42,"head_dim":256,
         "num_attention_heads":16,"num_key_value_heads":8,"vocab_size":256000,"max_position_embeddings":8192,
         "sliding_window":4096})",
     9241705984},
    {"Gemma3_1B",
     R"({"model_type":"gemma3_text","hidden_size":1152,"intermediate_size":6912,"num_hidden_layers":26,
         "head_dim":256,"num_attention_heads":4,"num_key_value_heads":1,"vocab_size":262144,
         "max_position_embeddings":32768,"sliding_window":512,"sliding_window_pattern":6})",
     999885952},
    // The text model of google/gemma-3-4b: by hand, 34 layers of 2560 (2048 + 2 * 1024) + 2048 *
    // 2560 + 3 * 2560 * 10240 + 4 * 2560 + 512, the final norm, and 262208 * 2560 tied.
    {"Gemma3_4B_TextConfigStatesDifferencesOnly",
     R"({"model_type":"gemma3","text_config":{"model_type":"gemma3_text","hidden_size":2560,
         "intermediate_size":10240,"num_hidden_layers":34,"sliding_window":1024},"vision_config":{"hidden_size":1152}})",
     34LL * (2560LL * (2048 + 2 * 1024) + 2048LL * 2560 + 3LL * 2560 * 10240 + 4 * 2560 + 512) +
         2560 + 262208LL * 2560},
    {"Gpt2",
     R"({"model_type":"gpt2","n_embd":768,"n_layer":12,"n_head":12,"n_positions":1024,"n_ctx":1024,
         "vocab_size":50257})",
     124439808},
    {"Gpt2Medium",
     R"({"model_type":"gpt2","n_embd":1024,"n_layer":24,"n_head":16,"n_positions":1024,"n_inner":null,
         "vocab_size":50257})",
     354823168},
    {"GptJ_6B",
     R"({"model_type":"gptj","n_embd":4096,"n_layer":28,"n_head":16,"n_positions":2048,"vocab_size":50400,
         "tie_word_embeddings":false})",
     6050882784},
    {"Pythia69B",
     R"({"model_type":"gpt_neox","hidden_size":4096,"intermediate_size":16384,"num_hidden_layers":32,
         "num_attention_heads":32,"vocab_size":50432,"max_position_embeddings":2048,"tie_word_embeddings":false})",
     6857302016},
    {"Opt67B",
     R"({"model_type":"opt","hidden_size":4096,"ffn_dim":16384,"num_hidden_layers":32,"num_attention_heads":32,
         "vocab_size":50272,"max_position_embeddings":2048,"word_embed_proj_dim":4096,"do_layer_norm_before":true})",
     6658473984},
    {"Opt350M_ProjectedEmbeddingsNoFinalNorm",
     R"({"model_type":"opt","hidden_size":1024,"ffn_dim":4096,"num_hidden_layers":24,"num_attention_heads":16,
         "vocab_size":50272,"max_position_embeddings":2048,"word_embed_proj_dim":512,"do_layer_norm_before":false})",
     331196416},
    {"Bloom7B",
     R"({"model_type":"bloom","n_embed":4096,"n_layer":30,"num_attention_heads":32,"vocab_size":250880,
         "seq_length":2048})",
     7069016064},
    {"Bloom176B",
     R"({"model_type":"bloom","hidden_size":14336,"n_layer":70,"n_head":112,"vocab_size":250880,
         "seq_length":2048})",
     176247271424},
    {"Falcon7B",
     R"({"model_type":"falcon","hidden_size":4544,"num_hidden_layers":32,"num_attention_heads":71,
         "vocab_size":65024,"multi_query":true,"new_decoder_architecture":false,"parallel_attn":true,"alibi":false,
         "bias":false})",
     6921720704},
    {"Falcon40B",
     R"({"model_type":"falcon","hidden_size":8192,"num_hidden_layers":60,"num_attention_heads":128,
         "num_kv_heads":8,"vocab_size":65024,"multi_query":true,"new_decoder_architecture":true,
         "parallel_attn":true,"alibi":false,"bias":false})",
     41303293952},
    // tiiuae/falcon-rw-1b: ALiBi, biases, separate norms, full attention.
    {"FalconRw1B",
     R"({"model_type":"falcon","hidden_size":2048,"num_hidden_layers":24,"num_attention_heads":32,
         "vocab_size":50304,"multi_query":false,"new_decoder_architecture":false,"parallel_attn":false,"alibi":true,
         "bias":true})",
     1311625216},
    {"Phi2",
     R"({"model_type":"phi","hidden_size":2560,"intermediate_size":10240,"num_hidden_layers":32,
         "num_attention_heads":32,"vocab_size":51200,"max_position_embeddings":2048,"qk_layernorm":false})",
     2779683840},
    {"Phi3Mini4k",
     R"({"model_type":"phi3","hidden_size":3072,"intermediate_size":8192,"num_hidden_layers":32,
         "num_attention_heads":32,"num_key_value_heads":32,"vocab_size":32064,"max_position_embeddings":4096,
         "sliding_window":2047})",
     3821079552},
    {"Phi4",
     R"({"model_type":"phi3","hidden_size":5120,"intermediate_size":17920,"num_hidden_layers":40,
         "num_attention_heads":40,"num_key_value_heads":10,"vocab_size":100352,"max_position_embeddings":16384,
         "sliding_window":null})",
     14659507200},
    {"Olmo7B",
     R"({"model_type":"olmo","hidden_size":4096,"intermediate_size":11008,"num_hidden_layers":32,
         "num_attention_heads":32,"num_key_value_heads":32,"vocab_size":50304,"max_position_embeddings":2048})",
     6888095744},
    // allenai/OLMo-2-1124-7B, "7,298,617,344" (model card, safetensors total): norms of q and k of
    // 4096 each.
    {"Olmo2_7B",
     R"({"model_type":"olmo2","hidden_size":4096,"intermediate_size":11008,"num_hidden_layers":32,
         "num_attention_heads":32,"num_key_value_heads":32,"vocab_size":100352,"max_position_embeddings":4096,
         "tie_word_embeddings":false})",
     7298617344},
    {"Olmoe1B7B",
     R"({"model_type":"olmoe","hidden_size":2048,"intermediate_size":1024,"num_hidden_layers":16,
         "num_attention_heads":16,"num_key_value_heads":16,"vocab_size":50304,"max_position_embeddings":4096,
         "num_experts":64,"num_experts_per_tok":8})",
     6919161856},
    {"GptOss20B",
     R"({"model_type":"gpt_oss","hidden_size":2880,"intermediate_size":2880,"num_hidden_layers":24,"head_dim":64,
         "num_attention_heads":64,"num_key_value_heads":8,"vocab_size":201088,"max_position_embeddings":131072,
         "num_local_experts":32,"num_experts_per_tok":4,"sliding_window":128})",
     20914757184},
    {"DeepSeekV2",
     R"({"model_type":"deepseek_v2","hidden_size":5120,"intermediate_size":12288,"num_hidden_layers":60,
         "num_attention_heads":128,"num_key_value_heads":128,"vocab_size":102400,"max_position_embeddings":163840,
         "q_lora_rank":1536,"kv_lora_rank":512,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,
         "n_routed_experts":160,"n_shared_experts":2,"num_experts_per_tok":6,"moe_intermediate_size":1536,
         "first_k_dense_replace":1,"moe_layer_freq":1,"topk_method":"group_limited_greedy"})",
     235741434880},
    {"DeepSeekV2Lite_NoQueryCompression",
     R"({"model_type":"deepseek_v2","hidden_size":2048,"intermediate_size":10944,"num_hidden_layers":27,
         "num_attention_heads":16,"num_key_value_heads":16,"vocab_size":102400,"max_position_embeddings":163840,
         "q_lora_rank":null,"kv_lora_rank":512,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,
         "n_routed_experts":64,"n_shared_experts":2,"num_experts_per_tok":6,"moe_intermediate_size":1408,
         "first_k_dense_replace":1,"moe_layer_freq":1})",
     15706484224},
    {"DeepSeekV3_WithoutMultiTokenPrediction",
     R"({"model_type":"deepseek_v3","hidden_size":7168,"intermediate_size":18432,"num_hidden_layers":61,
         "num_attention_heads":128,"num_key_value_heads":128,"vocab_size":129280,"max_position_embeddings":163840,
         "q_lora_rank":1536,"kv_lora_rank":512,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,
         "n_routed_experts":256,"n_shared_experts":1,"num_experts_per_tok":8,"moe_intermediate_size":2048,
         "first_k_dense_replace":3,"moe_layer_freq":1,"topk_method":"noaux_tc","num_nextn_predict_layers":1})",
     671026419200},
};

INSTANTIATE_TEST_SUITE_P(Families, PublishedConfigTest, ::testing::ValuesIn(kReleases),
                         [](const auto& test) { return test.param.name; });

constexpr char kLlama[] =
    R"({"model_type":"llama","hidden_size":4096,"intermediate_size":14336,"num_hidden_layers":32,
        "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":128256,"max_position_embeddings":8192})";

std::string LlamaWith(const std::string& from, const std::string& to) {
  return absl::StrReplaceAll(kLlama, {{from, to}});
}

absl::StatusOr<ModelShape> Read(const std::string& text) {
  return ShapeFromHuggingFaceConfig(text, std::nullopt);
}

TEST(HfConfigTest, SequenceLengthIsTheLongestUnlessGiven) {
  const absl::StatusOr<ModelShape> longest = ShapeFromHuggingFaceConfig(kLlama, std::nullopt);
  const absl::StatusOr<ModelShape> given = ShapeFromHuggingFaceConfig(kLlama, 2048);
  ASSERT_THAT(longest, IsOk());
  ASSERT_THAT(given, IsOk());
  EXPECT_EQ(longest->sequence_length, 8192);
  EXPECT_EQ(given->sequence_length, 2048);
}

TEST(HfConfigTest, AttentionBiasAddsToQueriesKeysValuesAndOutput) {
  const absl::StatusOr<ModelShape> shape =
      Read(LlamaWith("{\"model", "{\"attention_bias\":true,\"model"));
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(CountParams(*shape).total - 8030261248, 32 * (4096 + 2 * 1024 + 4096));
}

TEST(HfConfigTest, SparseStepAndDenseLayersDecideWhichQwenLayersHaveExperts) {
  const absl::StatusOr<ModelShape> shape = Read(
      R"({"model_type":"qwen3_moe","hidden_size":64,"intermediate_size":128,"num_hidden_layers":9,
          "num_attention_heads":4,"num_key_value_heads":2,"vocab_size":100,"max_position_embeddings":64,
          "num_experts":8,"num_experts_per_tok":2,"moe_intermediate_size":32,"decoder_sparse_step":2,
          "mlp_only_layers":[1,2,1]})");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->num_moe_layers, 3);  // layers 1, 3, 5, 7 of 0..8 less layer 1
}

TEST(HfConfigTest, MoeLayerFrequencyCountsFromTheFirstLayer) {
  const absl::StatusOr<ModelShape> shape = Read(
      R"({"model_type":"deepseek_v2","hidden_size":64,"intermediate_size":128,"num_hidden_layers":10,
          "num_attention_heads":4,"vocab_size":100,"max_position_embeddings":64,"q_lora_rank":null,
          "kv_lora_rank":16,"qk_nope_head_dim":16,"qk_rope_head_dim":8,"v_head_dim":16,"n_routed_experts":8,
          "num_experts_per_tok":2,"moe_intermediate_size":32,"first_k_dense_replace":1,"moe_layer_freq":3})");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->num_moe_layers, 3);  // layers 3, 6, 9
  EXPECT_EQ(shape->shared_expert_ffn_hidden_size, 0);
}

TEST(HfConfigTest, Gemma3WindowsFiveLayersOfSix) {
  const absl::StatusOr<ModelShape> shape = Read(
      R"({"model_type":"gemma3_text","hidden_size":1152,"intermediate_size":6912,"num_hidden_layers":26,
          "num_attention_heads":4,"num_key_value_heads":1,"vocab_size":262144,"sliding_window":512})");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->num_sliding_window_layers, 22);
  EXPECT_EQ(shape->sliding_window, 512);
}

TEST(HfConfigTest, LayerTypesWinOverThePattern) {
  const absl::StatusOr<ModelShape> shape = Read(
      R"({"model_type":"gemma2","hidden_size":64,"intermediate_size":128,"num_hidden_layers":3,"head_dim":16,
          "num_attention_heads":4,"num_key_value_heads":2,"vocab_size":100,"max_position_embeddings":64,
          "layer_types":["full_attention","sliding_attention","full_attention"]})");
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->num_sliding_window_layers, 1);
  EXPECT_EQ(shape->sliding_window, 4096);
}

TEST(HfConfigTest, WindowOfNullMeansNone) {
  const absl::StatusOr<ModelShape> shape =
      Read(LlamaWith("\"llama\"", "\"mistral\",\"sliding_window\":null"));
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->num_sliding_window_layers, 0);
}

TEST(HfConfigTest, AbsentWindowOfMistralIsItsClassDefault) {
  const absl::StatusOr<ModelShape> shape = Read(LlamaWith("\"llama\"", "\"mistral\""));
  ASSERT_THAT(shape, IsOk());
  EXPECT_EQ(shape->num_sliding_window_layers, 32);
  EXPECT_EQ(shape->sliding_window, 4096);
}

TEST(HfConfigTest, UnknownModelTypeIsRefusedWithTheKnownOnes) {
  const absl::StatusOr<ModelShape> shape = Read(LlamaWith("\"llama\"", "\"bert\""));
  EXPECT_THAT(shape, StatusIs(absl::StatusCode::kInvalidArgument,
                              "model_type must be one of bloom, deepseek_v2"));
  EXPECT_THAT(std::string(shape.status().message()), HasSubstr("qwen3_moe, got \"bert\""));
}

TEST(HfConfigTest, Gemma3WithoutTextConfigIsRefused) {
  EXPECT_THAT(Read(R"({"model_type":"gemma3","hidden_size":2560})"),
              StatusIs(absl::StatusCode::kInvalidArgument, "text_config"));
}

// One change of a good config that must be refused by the key's name.
struct BadConfig {
  const char* name;
  const char* from;
  const char* to;
  const char* message;
};
void PrintTo(const BadConfig& bad, std::ostream* out) { *out << bad.name; }
class BadConfigTest : public ::testing::TestWithParam<BadConfig> {};

TEST_P(BadConfigTest, IsRefusedByTheKeysName) {
  const std::string text = LlamaWith(GetParam().from, GetParam().to);
  ASSERT_NE(text, kLlama) << "the change must apply";
  EXPECT_THAT(Read(text), StatusIs(absl::StatusCode::kInvalidArgument, GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    OneKey, BadConfigTest,
    ::testing::Values(
        BadConfig{"MissingHidden", "\"hidden_size\":4096,", "", "hidden_size is missing"},
        BadConfig{"MissingLayers", "\"num_hidden_layers\":32,", "", "num_hidden_layers is missing"},
        BadConfig{"MissingVocabulary", "\"vocab_size\":128256,", "", "vocab_size is missing"},
        BadConfig{"MissingType", "\"model_type\":\"llama\",", "", "model_type is missing"},
        BadConfig{"NullHidden", "\"hidden_size\":4096", "\"hidden_size\":null",
                  "hidden_size must be an integer"},
        BadConfig{"Negative", "\"intermediate_size\":14336", "\"intermediate_size\":-1", "got -1"},
        BadConfig{"Zero", "\"num_attention_heads\":32", "\"num_attention_heads\":0",
                  "num_attention_heads must be"},
        BadConfig{"Fraction", "\"hidden_size\":4096", "\"hidden_size\":4096.5",
                  "hidden_size must be an integer"},
        BadConfig{"Text", "\"hidden_size\":4096", "\"hidden_size\":\"4096\"", "got \"4096\""},
        BadConfig{"List", "\"hidden_size\":4096", "\"hidden_size\":[4096]", "got a list"},
        BadConfig{"Bool", "\"hidden_size\":4096", "\"hidden_size\":true", "got true"},
        BadConfig{"Huge", "\"vocab_size\":128256", "\"vocab_size\":99999999999999999999",
                  "vocab_size must be"},
        BadConfig{"Overflow", "\"vocab_size\":128256", "\"vocab_size\":1e999", "1e999"},
        BadConfig{"NotANumber", "\"vocab_size\":128256", "\"vocab_size\":NaN", "line 2, column"},
        BadConfig{"ManyLayers", "\"num_hidden_layers\":32", "\"num_hidden_layers\":1000000",
                  "at most 100000"},
        BadConfig{"TypeIsNumber", "\"llama\"", "7", "model_type must be a text"},
        BadConfig{"FlagIsText", "\"llama\"", "\"llama\",\"tie_word_embeddings\":\"no\"",
                  "tie_word_embeddings"},
        BadConfig{"KeyTwice", "\"llama\"", "\"llama\",\"hidden_size\":1",
                  "\"hidden_size\" is given twice"},
        BadConfig{"HeadsDoNotDivide", "\"num_attention_heads\":32", "\"num_attention_heads\":33",
                  "num_attention_heads must divide"},
        BadConfig{"KeyValueHeadsDoNotDivide", "\"num_key_value_heads\":8",
                  "\"num_key_value_heads\":7", "num_key_value_heads"},
        BadConfig{"LayerTypes", "\"llama\"", "\"mistral\",\"layer_types\":[\"full_attention\"]",
                  "layer_types"}),
    [](const auto& test) { return test.param.name; });

TEST(HfConfigTest, EmptyTextIsRefused) {
  EXPECT_THAT(Read(""), StatusIs(absl::StatusCode::kInvalidArgument, "not valid JSON"));
}

TEST(HfConfigTest, TruncatedTextIsRefusedWithItsPosition) {
  EXPECT_THAT(Read(std::string(kLlama).substr(0, 60)),
              StatusIs(absl::StatusCode::kInvalidArgument, "parse error at line 1, column"));
}

TEST(HfConfigTest, BinaryIsRefused) {
  EXPECT_THAT(Read(std::string("\x7f"
                               "ELF\0\xff\xfe",
                               7)),
              StatusIs(absl::StatusCode::kInvalidArgument, "parse error at line 1, column 1"));
}

TEST(HfConfigTest, InvalidUtf8IsRefused) {
  EXPECT_THAT(Read("{\"model_type\":\"\xff\"}"),
              StatusIs(absl::StatusCode::kInvalidArgument, "UTF-8"));
}

TEST(HfConfigTest, ListAtTheTopIsRefused) {
  EXPECT_THAT(Read("[1, 2]"), StatusIs(absl::StatusCode::kInvalidArgument, "one object"));
}

TEST(HfConfigTest, EndlessNestingIsRefused) {
  EXPECT_THAT(Read(std::string(100000, '[')),
              StatusIs(absl::StatusCode::kInvalidArgument, "nested deeper than 64"));
}

TEST(HfConfigTest, SequenceBeyondLearnedPositionsIsRefused) {
  EXPECT_THAT(ShapeFromHuggingFaceConfig(
                  R"({"model_type":"gpt2","n_embd":768,"n_layer":12,"n_head":12,"n_positions":1024,
                      "vocab_size":50257})",
                  2048),
              StatusIs(absl::StatusCode::kInvalidArgument, "sequence_length"));
}

TEST(HfConfigTest, SequenceLengthOfZeroIsRefused) {
  EXPECT_THAT(ShapeFromHuggingFaceConfig(kLlama, 0),
              StatusIs(absl::StatusCode::kInvalidArgument, "sequence_length"));
}

}  // namespace
}  // namespace rhumb
