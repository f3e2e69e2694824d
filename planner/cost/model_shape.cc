// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/model_shape.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace rhumb {
namespace {

// No single dimension of a real model comes near; keeps messages about typing errors precise.
constexpr int64_t kMaxDimension = 1'000'000'000;
// Layers are looped over.
constexpr int64_t kMaxLayers = 100'000;

struct Dimension {
  absl::string_view field;
  int64_t value;
  int64_t min;
  int64_t max = kMaxDimension;
};

absl::Status Invalid(absl::string_view field, int64_t value, absl::string_view allowed) {
  return absl::InvalidArgumentError(absl::StrCat(field, " must be ", allowed, ", got ", value));
}

// The counts in a number type of the caller's choice: int64_t to the unit, double to learn first
// whether the integers would overflow. One formula for both, so that they cannot drift apart.
template <typename Number>
struct Parts {
  Number token_embedding, position_embedding, output_head, other;
  Number attention, dense_mlp, one_expert, experts, shared_expert, router, norms;
  Number total, active;
};

template <typename Number>
Parts<Number> CountParts(const ModelShape& shape) {
  const auto n = [](int64_t value) { return static_cast<Number>(value); };
  const auto if_set = [&n](bool flag, Number value) { return flag ? value : n(0); };
  const Number hidden = n(shape.hidden_size);
  const Number heads = n(shape.num_attention_heads);
  const Number q = heads * n(shape.head_dim);
  const Number kv = n(shape.num_key_value_heads) * n(shape.head_dim);
  const Number vocab = n(shape.vocab_size);
  const Number gates = n(shape.gated ? 2 : 1);  // matrices into the MLP; one more leads out of it
  const Number embedding = shape.embedding_size > 0 ? n(shape.embedding_size) : hidden;
  Number norm = n(0);  // parameters of one norm of hidden width
  if (shape.norm_has_weight) norm = norm + hidden;
  if (shape.norm_type == NormType::kLayerNorm && shape.norm_has_weight && shape.norm_has_bias)
    norm = norm + hidden;

  Parts<Number> parts{};
  parts.token_embedding = vocab * embedding;
  parts.position_embedding = n(shape.learned_position_count) * hidden;
  parts.output_head = if_set(!shape.tied_embeddings, vocab * embedding);
  parts.other = if_set(shape.final_norm, norm) + if_set(shape.embedding_norm, norm) +
                if_set(shape.head_bias, vocab) +
                if_set(shape.embedding_size > 0 && shape.embedding_size != shape.hidden_size,
                       n(2) * embedding * hidden);

  if (shape.is_mla()) {
    const Number r_q = n(shape.q_lora_rank);
    const Number r_kv = n(shape.kv_lora_rank);
    const Number d_nope = n(shape.qk_nope_head_dim);
    const Number d_rope = n(shape.qk_rope_head_dim);
    const Number d_v = n(shape.v_head_dim);
    const Number query_width = heads * (d_nope + d_rope);
    parts.attention =
        if_set(shape.q_lora_rank > 0, hidden * r_q + r_q + r_q * query_width) +  // r_q: its norm
        if_set(shape.q_lora_rank == 0, hidden * query_width) + hidden * (r_kv + d_rope) +
        r_kv +  // r_kv: its norm
        r_kv * heads * (d_nope + d_v) + heads * d_v * hidden +
        // The up-projections never carry a bias; r_q is 0 without query compression.
        if_set(shape.qkv_bias, r_q + r_kv + d_rope);
  } else {
    parts.attention = hidden * (q + n(2) * kv) + q * hidden + if_set(shape.qkv_bias, q + n(2) * kv);
  }
  parts.attention = parts.attention + if_set(shape.attention_output_bias, hidden) +
                    if_set(shape.attention_sinks, heads);

  const Number ffn = n(shape.ffn_hidden_size);
  parts.dense_mlp = (gates + n(1)) * hidden * ffn + if_set(shape.mlp_bias, gates * ffn + hidden);
  if (shape.is_moe()) {
    const Number experts = n(shape.expert_count);
    const Number expert_ffn = n(shape.moe_ffn_hidden_size);
    parts.one_expert = (gates + n(1)) * hidden * expert_ffn +
                       if_set(shape.expert_bias, gates * expert_ffn + hidden);
    parts.experts = experts * parts.one_expert;
    parts.shared_expert = (gates + n(1)) * hidden * n(shape.shared_expert_ffn_hidden_size) +
                          if_set(shape.shared_expert_gate, hidden);
    parts.router = hidden * experts + if_set(shape.router_bias, experts);
  }
  parts.norms = n(shape.norms_per_layer) * norm + n(shape.qk_norm_param_count);

  const Number layers = n(shape.num_layers);
  const Number moe_layers = n(shape.is_moe() ? shape.num_moe_layers : 0);
  const Number without_experts =
      parts.token_embedding + parts.position_embedding + parts.output_head + parts.other +
      layers * (parts.attention + parts.norms) + (layers - moe_layers) * parts.dense_mlp +
      moe_layers * (parts.shared_expert + parts.router);
  parts.total = without_experts + moe_layers * parts.experts;
  parts.active = without_experts + moe_layers * (n(shape.experts_per_token) * parts.one_expert);
  return parts;
}

absl::Status ValidateAttention(const ModelShape& shape) {
  if (shape.is_mla()) {
    const Dimension dimensions[] = {{"qk_nope_head_dim", shape.qk_nope_head_dim, 0},
                                    {"qk_rope_head_dim", shape.qk_rope_head_dim, 0},
                                    {"v_head_dim", shape.v_head_dim, 1}};
    for (const Dimension& d : dimensions) {
      if (d.value < d.min) {
        return Invalid(d.field, d.value, absl::StrCat("at least ", d.min, " with kv_lora_rank"));
      }
    }
    if (shape.qk_nope_head_dim + shape.qk_rope_head_dim < 1) {
      return Invalid("qk_nope_head_dim", shape.qk_nope_head_dim,
                     "positive, or qk_rope_head_dim must be");
    }
  } else {
    const Dimension dimensions[] = {{"q_lora_rank", shape.q_lora_rank, 0},
                                    {"qk_nope_head_dim", shape.qk_nope_head_dim, 0},
                                    {"qk_rope_head_dim", shape.qk_rope_head_dim, 0},
                                    {"v_head_dim", shape.v_head_dim, 0}};
    for (const Dimension& d : dimensions) {
      if (d.value != 0) return Invalid(d.field, d.value, "0 without kv_lora_rank");
    }
    if (shape.head_dim < 1) return Invalid("head_dim", shape.head_dim, "positive");
  }
  if (shape.num_key_value_heads > shape.num_attention_heads ||
      shape.num_attention_heads % shape.num_key_value_heads != 0) {
    return Invalid(
        "num_key_value_heads", shape.num_key_value_heads,
        absl::StrCat("a divisor of num_attention_heads (", shape.num_attention_heads, ")"));
  }
  if (shape.num_sliding_window_layers > shape.num_layers) {
    return Invalid("num_sliding_window_layers", shape.num_sliding_window_layers,
                   absl::StrCat("at most num_layers (", shape.num_layers, ")"));
  }
  if (shape.num_sliding_window_layers > 0 && shape.sliding_window < 1) {
    return Invalid("sliding_window", shape.sliding_window,
                   "positive when num_sliding_window_layers is");
  }
  if (shape.learned_position_count > 0 && shape.sequence_length > shape.learned_position_count) {
    return Invalid(
        "sequence_length", shape.sequence_length,
        absl::StrCat("at most learned_position_count (", shape.learned_position_count, ")"));
  }
  return absl::OkStatus();
}

absl::Status ValidateMlp(const ModelShape& shape) {
  if (shape.is_moe()) {
    if (shape.moe_ffn_hidden_size < 1) {
      return Invalid("moe_ffn_hidden_size", shape.moe_ffn_hidden_size,
                     "positive with expert_count");
    }
    if (shape.experts_per_token < 1 || shape.experts_per_token > shape.expert_count) {
      return Invalid("experts_per_token", shape.experts_per_token,
                     absl::StrCat("from 1 to expert_count (", shape.expert_count, ")"));
    }
    if (shape.num_moe_layers < 1 || shape.num_moe_layers > shape.num_layers) {
      return Invalid("num_moe_layers", shape.num_moe_layers,
                     absl::StrCat("from 1 to num_layers (", shape.num_layers, ")"));
    }
  } else {
    const Dimension dimensions[] = {
        {"experts_per_token", shape.experts_per_token, 0},
        {"moe_ffn_hidden_size", shape.moe_ffn_hidden_size, 0},
        {"shared_expert_ffn_hidden_size", shape.shared_expert_ffn_hidden_size, 0},
        {"num_moe_layers", shape.num_moe_layers, 0}};
    for (const Dimension& d : dimensions) {
      if (d.value != 0) return Invalid(d.field, d.value, "0 without expert_count");
    }
  }
  const bool has_dense_layer = !shape.is_moe() || shape.num_moe_layers < shape.num_layers;
  if (has_dense_layer && shape.ffn_hidden_size < 1) {
    return Invalid("ffn_hidden_size", shape.ffn_hidden_size,
                   "positive, the model has dense layers");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ValidateModelShape(const ModelShape& shape) {
  const Dimension dimensions[] = {
      {"num_layers", shape.num_layers, 1, kMaxLayers},
      {"hidden_size", shape.hidden_size, 1},
      {"num_attention_heads", shape.num_attention_heads, 1},
      {"num_key_value_heads", shape.num_key_value_heads, 1},
      {"head_dim", shape.head_dim, 0},
      {"ffn_hidden_size", shape.ffn_hidden_size, 0},
      {"vocab_size", shape.vocab_size, 1},
      {"sequence_length", shape.sequence_length, 1},
      {"embedding_size", shape.embedding_size, 0},
      {"learned_position_count", shape.learned_position_count, 0},
      {"norms_per_layer", shape.norms_per_layer, 0},
      {"qk_norm_param_count", shape.qk_norm_param_count, 0},
      {"expert_count", shape.expert_count, 0},
      {"experts_per_token", shape.experts_per_token, 0},
      {"moe_ffn_hidden_size", shape.moe_ffn_hidden_size, 0},
      {"shared_expert_ffn_hidden_size", shape.shared_expert_ffn_hidden_size, 0},
      {"num_moe_layers", shape.num_moe_layers, 0},
      {"q_lora_rank", shape.q_lora_rank, 0},
      {"kv_lora_rank", shape.kv_lora_rank, 0},
      {"qk_nope_head_dim", shape.qk_nope_head_dim, 0},
      {"qk_rope_head_dim", shape.qk_rope_head_dim, 0},
      {"v_head_dim", shape.v_head_dim, 0},
      {"sliding_window", shape.sliding_window, 0},
      {"num_sliding_window_layers", shape.num_sliding_window_layers, 0},
  };
  for (const Dimension& d : dimensions) {
    if (d.value < d.min || d.value > d.max) {
      return Invalid(d.field, d.value, absl::StrCat("from ", d.min, " to ", d.max));
    }
  }
  if (absl::Status status = ValidateAttention(shape); !status.ok()) return status;
  if (absl::Status status = ValidateMlp(shape); !status.ok()) return status;
  const Parts<double> parts = CountParts<double>(shape);
  // A part of a kind of layer the model does not have is not in the total, yet is reported.
  if (std::max({parts.total, parts.active, parts.dense_mlp, parts.experts}) > kMaxParamCount) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the shape has ", parts.total, " parameters; at most ", kMaxParamCount, " are allowed"));
  }
  return absl::OkStatus();
}

ParamCounts CountParams(const ModelShape& shape) {
  const Parts<int64_t> parts = CountParts<int64_t>(shape);
  const int64_t embeddings = parts.token_embedding + parts.position_embedding + parts.output_head;
  return {.total = parts.total,
          .active = parts.active,
          .non_embedding = parts.total - embeddings,
          .active_non_embedding = parts.active - embeddings,
          .token_embedding = parts.token_embedding,
          .position_embedding = parts.position_embedding,
          .output_head = parts.output_head,
          .attention_per_layer = parts.attention,
          .dense_mlp_per_layer = parts.dense_mlp,
          .expert_per_layer = parts.experts,
          .shared_expert_per_layer = parts.shared_expert,
          .router_per_layer = parts.router,
          .norms_per_layer = parts.norms,
          .other = parts.other};
}

double ParamCount(const ModelShape& shape, ParamCountConvention convention) {
  const ParamCounts counts = CountParams(shape);
  return static_cast<double>(convention == ParamCountConvention::kTotal ? counts.total
                                                                        : counts.non_embedding);
}

int64_t PaddedVocabSize(int64_t vocab_size, int64_t tensor_parallel_size) {
  const int64_t multiple = 128 * tensor_parallel_size;
  return (vocab_size + multiple - 1) / multiple * multiple;
}

double TrainingFlopsPerToken(const ModelShape& shape, FlopsConvention convention,
                             ParamCountConvention param_convention) {
  const ParamCounts counts = CountParams(shape);
  if (convention == FlopsConvention::kSixNd) {
    return 6.0 * static_cast<double>(param_convention == ParamCountConvention::kTotal
                                         ? counts.active
                                         : counts.active_non_embedding);
  }
  // d_qk + d_v summed over heads: scores and weighted values cost 2 FLOPs a key and element each.
  const double score_and_value_width =
      shape.is_mla() ? static_cast<double>(shape.num_attention_heads) *
                           static_cast<double>(shape.qk_nope_head_dim + shape.qk_rope_head_dim +
                                               shape.v_head_dim)
                     : 2.0 * static_cast<double>(shape.query_width());
  const double window = static_cast<double>(std::min(shape.sequence_length, shape.sliding_window));
  const double keys_over_layers =
      static_cast<double>(shape.num_layers - shape.num_sliding_window_layers) *
          static_cast<double>(shape.sequence_length) +
      static_cast<double>(shape.num_sliding_window_layers) * window;
  const double full_attention = 2.0 * score_and_value_width * keys_over_layers;
  const double attention =
      convention == FlopsConvention::kExactCausal ? full_attention / 2 : full_attention;
  const double head =
      static_cast<double>(shape.vocab_size) *
      static_cast<double>(shape.embedding_size > 0 ? shape.embedding_size : shape.hidden_size);
  return 3.0 * (2.0 * (static_cast<double>(counts.active_non_embedding) + head) + attention);
}

}  // namespace rhumb
