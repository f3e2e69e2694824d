// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>

#include "client/config/hf_families.h"

namespace rhumb {
namespace {

void SetLayerNorm(Reading& r) { r.shape.norm_type = NormType::kLayerNorm; }

void SetAllBiases(Reading& r, bool biases) {
  r.shape.qkv_bias = r.shape.attention_output_bias = r.shape.mlp_bias = biases;
}

// A table of learned positions with `extra_rows` beyond the longest sequence.
void ReadLearnedPositions(Reading& r, int64_t extra_rows) {
  const int64_t positions =
      r.reader.Integer({"max_position_embeddings", "n_positions", "n_ctx"}, 1);
  r.shape.learned_position_count = positions + extra_rows;
}

}  // namespace

void ReadLlama(Reading& r) {
  ReadLlamaLike(r);
  ReadIntermediateSize(r);
  ReadAttentionBias(r, false);
  r.shape.mlp_bias = r.reader.FlagOr({"mlp_bias"}, false);
}

void ReadMistral(Reading& r) {
  ReadLlamaLike(r, 8);
  ReadIntermediateSize(r);
  SetWindow(r, WindowOr(r, 4096), r.shape.num_layers);
}

void ReadQwen2(Reading& r) {
  ReadLlamaLike(r, 32);
  ReadIntermediateSize(r);
  r.shape.qkv_bias = true;
  ReadQwenWindow(r);
}

void ReadQwen3(Reading& r) {
  ReadLlamaLike(r, 32, 128);
  ReadIntermediateSize(r);
  ReadAttentionBias(r, false);
  r.shape.qk_norm_param_count = 2 * r.shape.head_dim;
  ReadQwenWindow(r);
}

void ReadGemma(Reading& r) {
  ReadLlamaLike(r, 16, 256, true);
  ReadIntermediateSize(r);
  ReadAttentionBias(r, false);
}

void ReadGemma2(Reading& r) {
  ReadLlamaLike(r, 4, 256, true);
  ReadIntermediateSize(r);
  ReadAttentionBias(r, false);
  r.shape.norms_per_layer = 4;
  SetWindow(r, WindowOr(r, 4096),
            (r.shape.num_layers + 1) / 2);  // every other layer, from the first on
}

void ReadGemma3Text(Reading& r) {
  ReadLlamaLike(r, 4, 256, true);
  ReadIntermediateSize(r);
  ReadAttentionBias(r, false);
  r.shape.norms_per_layer = 4;
  r.shape.qk_norm_param_count = 2 * r.shape.head_dim;
  const int64_t period =
      r.reader.IntegerOr({"sliding_window_pattern", "_sliding_window_pattern"}, 1, 6);
  SetWindow(r, WindowOr(r, 4096), r.shape.num_layers - r.shape.num_layers / period);
}

void ReadPhi3(Reading& r) {
  ReadLlamaLike(r);
  ReadIntermediateSize(r);
  SetWindow(r, WindowOr(r, 0), r.shape.num_layers);
}

void ReadOlmo(Reading& r) {
  ReadLlamaLike(r);
  ReadIntermediateSize(r);
  ReadAttentionBias(r, false);
  SetLayerNorm(r);
  r.shape.norm_has_weight = false;
}

void ReadOlmo2(Reading& r) {
  ReadLlamaLike(r);
  ReadIntermediateSize(r);
  ReadAttentionBias(r, false);
  SetWideQkNorm(r);
}

void ReadGpt2(Reading& r) {
  ReadDimensions(r);
  DeriveHeadDim(r);
  r.shape.ffn_hidden_size = r.reader.IntegerOr({"n_inner"}, 1, 4 * r.shape.hidden_size);
  r.shape.gated = false;
  r.shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, true);
  SetLayerNorm(r);
  SetAllBiases(r, true);
  ReadLearnedPositions(r, 0);
}

void ReadGptJ(Reading& r) {
  ReadDimensions(r);
  DeriveHeadDim(r);
  r.shape.ffn_hidden_size = r.reader.IntegerOr({"n_inner"}, 1, 4 * r.shape.hidden_size);
  r.shape.gated = false;
  r.shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, false);
  SetLayerNorm(r);
  r.shape.norms_per_layer = 1;  // attention and MLP side by side
  r.shape.mlp_bias = r.shape.head_bias = true;
}

void ReadGptNeoX(Reading& r) {
  ReadDimensions(r);
  DeriveHeadDim(r);
  ReadIntermediateSize(r);
  r.shape.gated = false;
  r.shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, false);
  SetLayerNorm(r);
  ReadAttentionBias(r, true);
  r.shape.mlp_bias = true;
}

void ReadOpt(Reading& r) {
  ReadDimensions(r);
  DeriveHeadDim(r);
  r.shape.ffn_hidden_size = r.reader.Integer({"ffn_dim"}, 1);
  r.shape.gated = false;
  r.shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, true);
  SetLayerNorm(r);
  r.shape.norm_has_weight = r.reader.FlagOr({"layer_norm_elementwise_affine"}, true);
  r.shape.final_norm = r.reader.FlagOr({"do_layer_norm_before"}, true) &&
                       !r.reader.FlagOr({"_remove_final_layer_norm"}, false);
  SetAllBiases(r, r.reader.FlagOr({"enable_bias"}, true));
  const int64_t embedding_size =
      r.reader.IntegerOr({"word_embed_proj_dim"}, 1, r.shape.hidden_size);
  if (embedding_size != r.shape.hidden_size) r.shape.embedding_size = embedding_size;
  ReadLearnedPositions(r, 2);  // the first two rows are kept for padding
}

void ReadBloom(Reading& r) {
  ReadDimensions(r);
  DeriveHeadDim(r);
  r.shape.ffn_hidden_size = 4 * r.shape.hidden_size;
  r.shape.gated = false;
  r.shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, true);
  SetLayerNorm(r);
  r.shape.embedding_norm = true;
  SetAllBiases(r, true);
}

void ReadFalcon(Reading& r) {
  ReadDimensions(r);
  DeriveHeadDim(r);
  ModelShape& shape = r.shape;
  shape.ffn_hidden_size = r.reader.IntegerOr({"ffn_hidden_size"}, 1, 4 * shape.hidden_size);
  shape.gated = false;
  shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, true);
  SetLayerNorm(r);
  SetAllBiases(r, r.reader.FlagOr({"bias"}, false));
  const bool is_new = r.reader.FlagOr({"new_decoder_architecture"}, false);
  const bool is_multi_query = r.reader.FlagOr({"multi_query"}, true);
  const bool is_parallel = r.reader.FlagOr({"parallel_attn"}, true);
  if (is_new) {
    shape.num_key_value_heads =
        r.reader.IntegerOr({"num_kv_heads", "n_head_kv"}, 1, shape.num_attention_heads);
  } else if (is_multi_query) {
    shape.num_key_value_heads = 1;
  }
  // Falcon 2 11B has the new attention with a single norm, and says so.
  const int64_t norms_if_parallel =
      r.reader.IntegerOr({"num_ln_in_parallel_attn"}, 1, is_new ? 2 : 1);
  shape.norms_per_layer = !is_parallel || norms_if_parallel == 2 ? 2 : 1;
}

void ReadPhi(Reading& r) {
  ReadDimensions(r);
  ReadKeyValueHeads(r);
  DeriveHeadDim(r);
  ReadIntermediateSize(r);
  r.shape.gated = false;
  r.shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, false);
  SetLayerNorm(r);
  r.shape.norms_per_layer = 1;  // attention and MLP side by side
  SetAllBiases(r, true);
  r.shape.head_bias = true;
  if (r.reader.FlagOr({"qk_layernorm"}, false)) r.shape.qk_norm_param_count = 4 * r.shape.head_dim;
}

}  // namespace rhumb
