// SPDX-License-Identifier: Apache-2.0
#include "client/cli/architecture_message.h"

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "client/cli/request_fields.h"
#include "client/config/architecture_file.h"
#include "client/config/document.h"
#include "client/config/text_file.h"
#include "planner/status_macros.h"

namespace rhumb::cli {
namespace {

// The daemon's default of sequence_length; only compared with here, never sent.
constexpr int64_t kDefaultSequenceLength = 8192;

bool IsHuggingFaceConfig(absl::string_view text) {
  const absl::StatusOr<DocumentValue> document = ParseJson(text);
  return document.ok() && document->Find("model_type") != nullptr;
}

}  // namespace

v1::Architecture ArchitectureMessage(const ModelShape& shape) {
  v1::Architecture message;
  message.set_name(shape.name);
  message.set_num_layers(shape.num_layers);
  message.set_hidden_size(shape.hidden_size);
  message.set_num_attention_heads(shape.num_attention_heads);
  message.set_num_key_value_heads(shape.num_key_value_heads);
  message.set_head_dim(shape.head_dim);
  message.set_ffn_hidden_size(shape.ffn_hidden_size);
  message.set_gated(shape.gated);
  message.set_tied_embeddings(shape.tied_embeddings);
  message.set_vocab_size(shape.vocab_size);
  if (shape.sequence_length > 0) message.set_sequence_length(shape.sequence_length);
  message.set_learned_position_count(shape.learned_position_count);
  message.set_qkv_bias(shape.qkv_bias);
  message.set_attention_output_bias(shape.attention_output_bias);
  message.set_mlp_bias(shape.mlp_bias);
  message.set_head_bias(shape.head_bias);
  message.set_norm_type(shape.norm_type == NormType::kLayerNorm ? v1::NORM_TYPE_LAYER_NORM
                                                                : v1::NORM_TYPE_RMS);
  message.set_parameter_free_norms(!shape.norm_has_weight);
  message.set_norms_without_bias(shape.norm_type == NormType::kLayerNorm && !shape.norm_has_bias);
  message.set_norms_per_layer(shape.norms_per_layer);
  message.set_without_final_norm(!shape.final_norm);
  message.set_embedding_norm(shape.embedding_norm);
  message.set_qk_norm_param_count(shape.qk_norm_param_count);

  message.set_expert_count(shape.expert_count);
  message.set_experts_per_token(shape.experts_per_token);
  message.set_moe_ffn_hidden_size(shape.moe_ffn_hidden_size);
  message.set_shared_expert_ffn_hidden_size(shape.shared_expert_ffn_hidden_size);
  message.set_shared_expert_gate(shape.shared_expert_gate);
  message.set_router_bias(shape.router_bias);
  message.set_num_moe_layers(shape.num_moe_layers);

  message.set_q_lora_rank(shape.q_lora_rank);
  message.set_kv_lora_rank(shape.kv_lora_rank);
  message.set_qk_nope_head_dim(shape.qk_nope_head_dim);
  message.set_qk_rope_head_dim(shape.qk_rope_head_dim);
  message.set_v_head_dim(shape.v_head_dim);

  message.set_sliding_window(shape.sliding_window);
  message.set_num_sliding_window_layers(shape.num_sliding_window_layers);
  message.set_embedding_size(shape.embedding_size);
  message.set_attention_sinks(shape.attention_sinks);
  message.set_expert_bias(shape.expert_bias);
  return message;
}

absl::StatusOr<v1::Architecture> ReadArchitectureMessage(absl::string_view path,
                                                         std::optional<double> timeout_seconds) {
  const absl::StatusOr<std::string> text = ReadTextFile(path, {.timeout_seconds = timeout_seconds});
  if (absl::IsDeadlineExceeded(text.status())) return text.status();
  // To the person, no such file, a broken one and a wrong one are all the same kind of mistake: in
  // the question.
  if (!text.ok()) return absl::InvalidArgumentError(text.status().message());
  const absl::StatusOr<ModelShape> shape = ParseArchitecture(*text);
  if (!shape.ok())
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", shape.status().message()));
  v1::Architecture message = ArchitectureMessage(*shape);
  if (message.sequence_length() > kDefaultSequenceLength && IsHuggingFaceConfig(*text)) {
    message.clear_sequence_length();
  }
  return message;
}

absl::StatusOr<std::optional<v1::Architecture>> ReadArchitectureFlag(const Invocation& invocation) {
  if (!invocation.Has("arch")) return std::nullopt;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<double> timeout, ReadTimeoutSeconds(invocation));
  absl::StatusOr<v1::Architecture> architecture =
      ReadArchitectureMessage(invocation.Value("arch"), timeout);
  if (architecture.ok()) return *std::move(architecture);
  return absl::Status(architecture.status().code(),
                      absl::StrCat("--arch (architecture): ", architecture.status().message()));
}

}  // namespace rhumb::cli
