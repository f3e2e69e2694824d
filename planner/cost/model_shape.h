// SPDX-License-Identifier: Apache-2.0
// The shape of a decoder-only transformer, its exact parameter counts and FLOPs per token.
#ifndef RHUMB_PLANNER_COST_MODEL_SHAPE_H_
#define RHUMB_PLANNER_COST_MODEL_SHAPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "planner/laws/law.h"

namespace rhumb {

enum class NormType { kRms, kLayerNorm };  // RMS: h weights; LayerNorm: h weights and h biases

// Every field that changes a parameter count or a FLOP count. Names are those of Megatron and
// Hugging Face.
struct ModelShape {
  std::string name;
  int64_t num_layers = 0;
  int64_t hidden_size = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;  // = num_attention_heads without grouped-query attention
  int64_t head_dim = 0;             // need not be hidden_size / num_attention_heads
  int64_t ffn_hidden_size = 0;
  bool gated = true;  // three matrices per MLP instead of two
  bool tied_embeddings = false;
  int64_t vocab_size = 0;       // as released; kernels see PaddedVocabSize()
  int64_t sequence_length = 0;  // of the training run

  int64_t embedding_size =
      0;  // 0: hidden_size; else embeddings are projected to it and back (OPT-350M)
  int64_t learned_position_count = 0;  // rows of a learned position table; 0 for rotary, ALiBi
  bool qkv_bias = false;
  bool attention_output_bias = false;
  bool attention_sinks = false;  // one learned logit per query head (gpt-oss)
  bool mlp_bias = false;
  bool head_bias = false;
  NormType norm_type = NormType::kRms;
  bool norm_has_weight = true;  // false: parameter-free norms (OLMo 1)
  bool norm_has_bias = true;    // read for kLayerNorm only
  int64_t norms_per_layer = 2;
  bool final_norm = true;
  bool embedding_norm = false;  // BLOOM
  int64_t qk_norm_param_count =
      0;  // per layer: 2 head_dim (Qwen3, Gemma 3) or q + kv widths (OLMo 2)

  // Mixture of experts; expert_count = 0 for a dense model.
  int64_t expert_count = 0;
  int64_t experts_per_token = 0;
  int64_t moe_ffn_hidden_size = 0;
  int64_t shared_expert_ffn_hidden_size = 0;  // total width of shared experts
  bool shared_expert_gate = false;
  bool router_bias = false;  // one per expert: DeepSeek-V3's correction bias, gpt-oss
  bool expert_bias = false;  // biases of each expert's matrices (gpt-oss)
  int64_t num_moe_layers = 0;

  // Multi-head latent attention; kv_lora_rank = 0 for ordinary attention.
  int64_t q_lora_rank = 0;  // 0: queries are projected directly
  int64_t kv_lora_rank = 0;
  int64_t qk_nope_head_dim = 0;
  int64_t qk_rope_head_dim = 0;
  int64_t v_head_dim = 0;

  // Layers whose attention sees at most sliding_window tokens.
  int64_t sliding_window = 0;
  int64_t num_sliding_window_layers = 0;

  bool is_moe() const { return expert_count > 0; }
  bool is_mla() const { return kv_lora_rank > 0; }
  // Width of all query heads, and of all key (or value) heads.
  int64_t query_width() const { return num_attention_heads * head_dim; }
  int64_t key_value_width() const { return num_key_value_heads * head_dim; }

  bool operator==(const ModelShape&) const = default;
};

// Exact parameter counts, by part. total = sum of the parts; active counts experts_per_token
// experts.
struct ParamCounts {
  int64_t total = 0;
  int64_t active = 0;                // per token, embeddings included
  int64_t non_embedding = 0;         // total less embeddings, positions and an untied head
  int64_t active_non_embedding = 0;  // the same, of the active parameters
  int64_t token_embedding = 0;
  int64_t position_embedding = 0;
  int64_t output_head = 0;  // 0 when tied
  // Per layer, of one layer of the kind:
  int64_t attention_per_layer = 0;
  int64_t dense_mlp_per_layer = 0;
  int64_t expert_per_layer = 0;  // all experts of one MoE layer
  int64_t shared_expert_per_layer = 0;
  int64_t router_per_layer = 0;
  int64_t norms_per_layer = 0;
  int64_t other = 0;  // final and embedding norms, head bias, embedding projections
};

// OK, or INVALID_ARGUMENT naming the first field that is out of range or contradicts another. A
// valid shape has at most kMaxParamCount parameters, so no count below overflows.
inline constexpr double kMaxParamCount = 1e18;
absl::Status ValidateModelShape(const ModelShape& shape);

// Exact counts with the vocabulary as released. `shape` must be valid.
// Source: model cards and reference implementations; tests pin published totals to the unit.
ParamCounts CountParams(const ModelShape& shape);

// N under `convention`; of mixtures of experts all experts are counted.
double ParamCount(const ModelShape& shape, ParamCountConvention convention);

// Vocabulary padded to a multiple of 128 * tensor_parallel_size, as kernels and memory see it.
int64_t PaddedVocabSize(int64_t vocab_size, int64_t tensor_parallel_size);

// Training FLOPs per token (forward + 2x backward, no recompute) under `convention`.
// kSixNd: 6 * active N counted by `param_convention`; exact: 3 * (2 * (active non-embedding + V h)
// + attention), attention = 4 s (width of the query heads) per layer for the full square, half of
// it causal, with s replaced by min(s, sliding_window) in window layers and 4 width by 2 heads
// (d_qk + d_v) in latent attention. Source: Kaplan et al. 2020, arXiv:2001.08361, eq. (2.2) and
// Table 1, to which causal reduces without the head.
double TrainingFlopsPerToken(const ModelShape& shape, FlopsConvention convention,
                             ParamCountConvention param_convention);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_MODEL_SHAPE_H_
