// SPDX-License-Identifier: Apache-2.0
#include "proto/convert/architecture_message.h"

#include "proto/convert/law_message.h"

namespace rhumb::convert {

ModelShape FromProto(const v1::Architecture& in) {
  ModelShape out;
  out.name = in.name();
  out.num_layers = in.num_layers();
  out.hidden_size = in.hidden_size();
  out.num_attention_heads = in.num_attention_heads();
  out.num_key_value_heads =
      in.has_num_key_value_heads() ? in.num_key_value_heads() : in.num_attention_heads();
  const bool heads_known = in.num_attention_heads() > 0;
  out.head_dim = in.has_head_dim() ? in.head_dim()
                 : heads_known     ? in.hidden_size() / in.num_attention_heads()
                                   : 0;
  out.ffn_hidden_size = in.ffn_hidden_size();
  out.gated = in.gated();
  out.tied_embeddings = in.tied_embeddings();
  out.vocab_size = in.vocab_size();
  out.sequence_length = in.sequence_length();
  out.learned_position_count = in.learned_position_count();
  out.qkv_bias = in.qkv_bias();
  out.attention_output_bias = in.attention_output_bias();
  out.mlp_bias = in.mlp_bias();
  out.head_bias = in.head_bias();
  out.norm_type =
      in.norm_type() == v1::NORM_TYPE_LAYER_NORM ? NormType::kLayerNorm : NormType::kRms;
  out.norm_has_weight = !in.parameter_free_norms();
  out.norm_has_bias = !in.norms_without_bias();
  out.norms_per_layer = in.has_norms_per_layer() ? in.norms_per_layer() : 2;
  out.final_norm = !in.without_final_norm();
  out.embedding_norm = in.embedding_norm();
  out.qk_norm_param_count = in.qk_norm_param_count();
  out.expert_count = in.expert_count();
  out.experts_per_token = in.experts_per_token();
  out.moe_ffn_hidden_size = in.moe_ffn_hidden_size();
  out.shared_expert_ffn_hidden_size = in.shared_expert_ffn_hidden_size();
  out.shared_expert_gate = in.shared_expert_gate();
  out.router_bias = in.router_bias();
  out.num_moe_layers = in.num_moe_layers();
  out.q_lora_rank = in.q_lora_rank();
  out.kv_lora_rank = in.kv_lora_rank();
  out.qk_nope_head_dim = in.qk_nope_head_dim();
  out.qk_rope_head_dim = in.qk_rope_head_dim();
  out.v_head_dim = in.v_head_dim();
  out.sliding_window = in.sliding_window();
  out.num_sliding_window_layers = in.num_sliding_window_layers();
  out.embedding_size = in.embedding_size();
  out.attention_sinks = in.attention_sinks();
  out.expert_bias = in.expert_bias();
  return out;
}

v1::Architecture ToProto(const ModelShape& in) {
  v1::Architecture out;
  out.set_name(in.name);
  out.set_num_layers(in.num_layers);
  out.set_hidden_size(in.hidden_size);
  out.set_num_attention_heads(in.num_attention_heads);
  out.set_num_key_value_heads(in.num_key_value_heads);
  out.set_head_dim(in.head_dim);
  out.set_ffn_hidden_size(in.ffn_hidden_size);
  out.set_gated(in.gated);
  out.set_tied_embeddings(in.tied_embeddings);
  out.set_vocab_size(in.vocab_size);
  if (in.sequence_length > 0) out.set_sequence_length(in.sequence_length);
  out.set_learned_position_count(in.learned_position_count);
  out.set_qkv_bias(in.qkv_bias);
  out.set_attention_output_bias(in.attention_output_bias);
  out.set_mlp_bias(in.mlp_bias);
  out.set_head_bias(in.head_bias);
  out.set_norm_type(in.norm_type == NormType::kLayerNorm ? v1::NORM_TYPE_LAYER_NORM
                                                         : v1::NORM_TYPE_RMS);
  out.set_parameter_free_norms(!in.norm_has_weight);
  out.set_norms_without_bias(!in.norm_has_bias);
  out.set_norms_per_layer(in.norms_per_layer);
  out.set_without_final_norm(!in.final_norm);
  out.set_embedding_norm(in.embedding_norm);
  out.set_qk_norm_param_count(in.qk_norm_param_count);
  out.set_expert_count(in.expert_count);
  out.set_experts_per_token(in.experts_per_token);
  out.set_moe_ffn_hidden_size(in.moe_ffn_hidden_size);
  out.set_shared_expert_ffn_hidden_size(in.shared_expert_ffn_hidden_size);
  out.set_shared_expert_gate(in.shared_expert_gate);
  out.set_router_bias(in.router_bias);
  out.set_num_moe_layers(in.num_moe_layers);
  out.set_q_lora_rank(in.q_lora_rank);
  out.set_kv_lora_rank(in.kv_lora_rank);
  out.set_qk_nope_head_dim(in.qk_nope_head_dim);
  out.set_qk_rope_head_dim(in.qk_rope_head_dim);
  out.set_v_head_dim(in.v_head_dim);
  out.set_sliding_window(in.sliding_window);
  out.set_num_sliding_window_layers(in.num_sliding_window_layers);
  out.set_embedding_size(in.embedding_size);
  out.set_attention_sinks(in.attention_sinks);
  out.set_expert_bias(in.expert_bias);
  return out;
}

v1::Architecture ToProto(const ModelShape& in, ParamCountConvention convention) {
  const ParamCounts counts = CountParams(in);
  const bool total = convention == ParamCountConvention::kTotal;
  v1::Architecture out = ToProto(in);
  out.set_param_count(total ? counts.total : counts.non_embedding);
  out.set_active_param_count(total ? counts.active : counts.active_non_embedding);
  out.set_param_count_convention(ToProto(convention));
  return out;
}

}  // namespace rhumb::convert
