// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/config/hf_families.h"

namespace rhumb {
namespace {

// Leaves a model without expert layers dense, and one without dense layers without their width.
void SetMoeLayers(Reading& r, int64_t moe_layers) {
  ModelShape& shape = r.shape;
  if (moe_layers == 0) {
    shape.expert_count = shape.experts_per_token = shape.moe_ffn_hidden_size = 0;
    shape.shared_expert_ffn_hidden_size = 0;
    shape.shared_expert_gate = shape.router_bias = shape.expert_bias = false;
  }
  shape.num_moe_layers = moe_layers;
  if (moe_layers == shape.num_layers) shape.ffn_hidden_size = 0;
}

// Qwen's rule: every decoder_sparse_step-th layer has experts, unless mlp_only_layers names it.
int64_t ReadQwenMoeLayers(Reading& r) {
  const int64_t step = r.reader.IntegerOr({"decoder_sparse_step"}, 1, 1);
  std::vector<int64_t> dense_layers;
  if (const DocumentValue* list = r.reader.OptionalList("mlp_only_layers"); list != nullptr) {
    for (const DocumentValue& layer : list->items) {
      if (layer.kind != ValueKind::kInteger || layer.integer < 0 ||
          layer.integer >= r.shape.num_layers) {
        r.reader.Fail("mlp_only_layers",
                      absl::StrCat("must list layers from 0 to ", r.shape.num_layers - 1, ", got ",
                                   layer.Shown()));
      }
      dense_layers.push_back(layer.integer);
    }
  }
  std::sort(dense_layers.begin(), dense_layers.end());
  dense_layers.erase(std::unique(dense_layers.begin(), dense_layers.end()), dense_layers.end());
  int64_t moe_layers = r.shape.num_layers / step;
  for (const int64_t layer : dense_layers) moe_layers -= (layer + 1) % step == 0 ? 1 : 0;
  return moe_layers;
}

// DeepSeek-V2 and what grew out of it: latent attention, shared experts, a few dense layers first.
void ReadDeepSeek(Reading& r, int64_t first_dense_default) {
  ReadDimensions(r);
  ModelShape& shape = r.shape;
  shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, false);
  ReadAttentionBias(r, false);
  shape.kv_lora_rank = r.reader.Integer({"kv_lora_rank"}, 1);
  // null: queries are projected directly, as in V2-Lite. 1536 is the default of both classes.
  const bool has_q_rank = r.table.Find("q_lora_rank") != nullptr;
  shape.q_lora_rank = r.reader.IntegerOr({"q_lora_rank"}, 1, has_q_rank ? 0 : 1536);
  shape.qk_nope_head_dim = r.reader.Integer({"qk_nope_head_dim"}, 1);
  shape.qk_rope_head_dim = r.reader.Integer({"qk_rope_head_dim"}, 1);
  shape.v_head_dim = r.reader.Integer({"v_head_dim"}, 1);
  shape.head_dim = shape.v_head_dim;
  ReadIntermediateSize(r);
  const std::optional<int64_t> experts =
      r.reader.OptionalInteger({"n_routed_experts", "num_experts"}, 1);
  if (!experts.has_value()) return;  // the class builds dense layers only
  shape.expert_count = *experts;
  shape.experts_per_token = r.reader.Integer({"num_experts_per_tok"}, 1);
  shape.moe_ffn_hidden_size = r.reader.Integer({"moe_intermediate_size"}, 1);
  shape.shared_expert_ffn_hidden_size =
      r.reader.IntegerOr({"n_shared_experts"}, 0, 0) * shape.moe_ffn_hidden_size;
  const int64_t first = r.reader.IntegerOr({"first_k_dense_replace"}, 0, first_dense_default);
  const int64_t period = r.reader.IntegerOr({"moe_layer_freq"}, 1, 1);
  const int64_t up_to_end =
      (shape.num_layers + period - 1) / period;  // multiples of period below num_layers
  const int64_t up_to_first = (std::min(first, shape.num_layers) + period - 1) / period;
  SetMoeLayers(r, up_to_end - up_to_first);
}

}  // namespace

void ReadMixtral(Reading& r) {
  ReadLlamaLike(r, 8);
  r.shape.expert_count = r.reader.Integer({"num_local_experts"}, 1);
  r.shape.experts_per_token = r.reader.Integer({"num_experts_per_tok"}, 1);
  r.shape.moe_ffn_hidden_size = r.reader.Integer({"intermediate_size"}, 1);
  SetMoeLayers(r, r.shape.num_layers);
  SetWindow(r, WindowOr(r, 0), r.shape.num_layers);
}

void ReadQwen2Moe(Reading& r) {
  ReadLlamaLike(r, 16);
  r.shape.qkv_bias = r.reader.FlagOr({"qkv_bias"}, true);
  r.shape.expert_count = r.reader.Integer({"num_experts", "num_local_experts"}, 0);
  r.shape.experts_per_token = r.reader.Integer({"num_experts_per_tok"}, 1);
  r.shape.moe_ffn_hidden_size = r.reader.Integer({"moe_intermediate_size"}, 1);
  r.shape.shared_expert_ffn_hidden_size = r.reader.Integer({"shared_expert_intermediate_size"}, 0);
  r.shape.shared_expert_gate = true;
  r.shape.ffn_hidden_size = r.reader.IntegerOr({"intermediate_size"}, 1, 0);
  SetMoeLayers(r, r.shape.expert_count > 0 ? ReadQwenMoeLayers(r) : 0);
  // Here every other layer before max_window_layers has the window, unlike in the dense Qwen.
  if (r.reader.FlagOr({"use_sliding_window"}, false)) {
    const int64_t end =
        std::min(r.reader.IntegerOr({"max_window_layers"}, 0, 28), r.shape.num_layers);
    SetWindow(r, WindowOr(r, 4096), (end + 1) / 2);
  }
}

void ReadQwen3Moe(Reading& r) {
  ReadLlamaLike(r, 4);
  ReadAttentionBias(r, false);
  r.shape.qk_norm_param_count = 2 * r.shape.head_dim;
  r.shape.expert_count = r.reader.Integer({"num_experts", "num_local_experts"}, 0);
  r.shape.experts_per_token = r.reader.Integer({"num_experts_per_tok"}, 1);
  r.shape.moe_ffn_hidden_size = r.reader.Integer({"moe_intermediate_size"}, 1);
  r.shape.ffn_hidden_size = r.reader.IntegerOr({"intermediate_size"}, 1, 0);
  SetMoeLayers(r, r.shape.expert_count > 0 ? ReadQwenMoeLayers(r) : 0);
  // Here every layer has the window.
  if (r.reader.FlagOr({"use_sliding_window"}, false))
    SetWindow(r, WindowOr(r, 4096), r.shape.num_layers);
}

void ReadOlmoe(Reading& r) {
  ReadLlamaLike(r);
  ReadAttentionBias(r, false);
  SetWideQkNorm(r);
  r.shape.expert_count = r.reader.Integer({"num_experts"}, 1);
  r.shape.experts_per_token = r.reader.Integer({"num_experts_per_tok"}, 1);
  r.shape.moe_ffn_hidden_size = r.reader.Integer({"intermediate_size"}, 1);
  SetMoeLayers(r, r.shape.num_layers);
}

void ReadGptOss(Reading& r) {
  ReadLlamaLike(r, 8, 64);
  ReadAttentionBias(r, true);
  r.shape.attention_sinks = true;
  r.shape.expert_count = r.reader.Integer({"num_local_experts"}, 1);
  r.shape.experts_per_token = r.reader.Integer({"num_experts_per_tok", "experts_per_token"}, 1);
  r.shape.moe_ffn_hidden_size = r.reader.Integer({"intermediate_size"}, 1);
  r.shape.router_bias = r.shape.expert_bias = true;
  SetMoeLayers(r, r.shape.num_layers);
  SetWindow(r, WindowOr(r, 128), (r.shape.num_layers + 1) / 2);
}

void ReadDeepSeekV2(Reading& r) { ReadDeepSeek(r, 0); }

void ReadDeepSeekV3(Reading& r) {
  ReadDeepSeek(r, 3);
  // The correction bias of auxiliary-loss-free balancing, DeepSeek-V3 (arXiv:2412.19437), 2.1.2.
  const std::optional<std::string> method = r.reader.OptionalText({"topk_method"});
  r.shape.router_bias = r.shape.is_moe() && method.value_or("noaux_tc") == "noaux_tc";
}

}  // namespace rhumb
