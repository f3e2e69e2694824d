// SPDX-License-Identifier: Apache-2.0
#include "client/launch/megatron_flags.h"

#include <cstdint>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/launch/emit_parts.h"
#include "planner/cost/framework_profile.h"
#include "planner/cost/layout.h"
#include "planner/status_macros.h"

namespace rhumb::launch {
namespace {

using Flags = std::vector<MegatronFlag>;

void Add(Flags& flags, std::string name) { flags.push_back({std::move(name), ""}); }

void Add(Flags& flags, std::string name, int64_t value) {
  flags.push_back({std::move(name), absl::StrCat(value)});
}

void Add(Flags& flags, std::string name, std::string value) {
  flags.push_back({std::move(name), std::move(value)});
}

absl::Status NoFlag(absl::string_view field, absl::string_view value) {
  return CannotExpress(field, value, "Megatron-LM has no flag for it");
}

// Biases come in three sets: everywhere, in the query-key-value projection only, nowhere.
absl::Status AddBiases(const v1::Architecture& model, Flags& flags) {
  const bool moe = model.expert_count() > 0;
  const bool has_dense = !moe || model.num_moe_layers() < model.num_layers();
  const bool mlp_bias = has_dense ? model.mlp_bias() : model.expert_bias();
  if (has_dense && moe && model.mlp_bias() != model.expert_bias()) {
    return NoFlag("model.expert_bias", model.expert_bias() ? "true" : "false");
  }
  if (model.head_bias()) return NoFlag("model.head_bias", "true");
  if (model.attention_output_bias() != mlp_bias) {
    return NoFlag("model.attention_output_bias", model.attention_output_bias() ? "true" : "false");
  }
  if (mlp_bias) {
    if (!model.qkv_bias()) return NoFlag("model.qkv_bias", "false");
    return absl::OkStatus();  // Megatron's default
  }
  Add(flags, "--disable-bias-linear");
  if (model.qkv_bias()) Add(flags, "--add-qkv-bias");
  return absl::OkStatus();
}

absl::Status AddNorms(const v1::Architecture& model, Flags& flags) {
  const bool rms = model.norm_type() != v1::NORM_TYPE_LAYER_NORM;
  if (model.parameter_free_norms()) return NoFlag("model.parameter_free_norms", "true");
  if (!rms && model.norms_without_bias()) return NoFlag("model.norms_without_bias", "true");
  if (model.has_norms_per_layer() && model.norms_per_layer() != 2) {
    return NoFlag("model.norms_per_layer", absl::StrCat(model.norms_per_layer()));
  }
  if (model.without_final_norm()) return NoFlag("model.without_final_norm", "true");
  if (model.embedding_norm()) return NoFlag("model.embedding_norm", "true");
  Add(flags, "--normalization", std::string(rms ? "RMSNorm" : "LayerNorm"));
  const bool mla = model.kv_lora_rank() > 0;
  if (model.qk_norm_param_count() > 0) {
    const int64_t per_head = (rms ? 2 : 4) * model.head_dim();
    if (mla || model.qk_norm_param_count() != per_head) {
      return CannotExpress(
          "model.qk_norm_param_count", absl::StrCat(model.qk_norm_param_count()),
          absl::StrCat("Megatron-LM norms each query and key head, which has ", per_head));
    }
  }
  // The norms of latent attention's compressed queries and keys hang on the same switch.
  if (mla || model.qk_norm_param_count() > 0) Add(flags, "--qk-layernorm");
  return absl::OkStatus();
}

absl::Status AddAttention(const v1::Architecture& model, Flags& flags) {
  Add(flags, "--num-attention-heads", model.num_attention_heads());
  if (model.kv_lora_rank() > 0) {
    if (model.qkv_bias()) return NoFlag("model.qkv_bias", "true with latent attention");
    Add(flags, "--multi-latent-attention");
    if (model.q_lora_rank() > 0) Add(flags, "--q-lora-rank", model.q_lora_rank());
    Add(flags, "--kv-lora-rank", model.kv_lora_rank());
    Add(flags, "--qk-head-dim", model.qk_nope_head_dim());
    Add(flags, "--qk-pos-emb-head-dim", model.qk_rope_head_dim());
    Add(flags, "--v-head-dim", model.v_head_dim());
  } else {
    const int64_t heads = model.num_attention_heads();
    const int64_t kv_heads = model.has_num_key_value_heads() ? model.num_key_value_heads() : heads;
    if (kv_heads != heads) {
      Add(flags, "--group-query-attention");
      Add(flags, "--num-query-groups", kv_heads);
    }
  }
  if (model.has_head_dim() &&
      model.head_dim() * model.num_attention_heads() != model.hidden_size()) {
    Add(flags, "--kv-channels", model.head_dim());
  }
  if (model.num_sliding_window_layers() > 0) {
    if (model.num_sliding_window_layers() != model.num_layers()) {
      return CannotExpress("model.num_sliding_window_layers",
                           absl::StrCat(model.num_sliding_window_layers()),
                           "Megatron-LM must be told which layers, and the plan does not say");
    }
    // Tokens to the left, besides the token itself.
    Add(flags, "--window-size", absl::StrCat(model.sliding_window() - 1, ",0"));
  }
  if (model.attention_sinks()) Add(flags, "--softmax-type", std::string("learnable"));
  return absl::OkStatus();
}

absl::Status AddExperts(const v1::Architecture& model, Flags& flags) {
  if (model.expert_count() == 0) return absl::OkStatus();
  if (model.shared_expert_gate()) return NoFlag("model.shared_expert_gate", "true");
  if (model.router_bias() && model.expert_bias()) {
    return NoFlag("model.router_bias", "true beside biases of the experts");
  }
  Add(flags, "--num-experts", model.expert_count());
  Add(flags, "--moe-router-topk", model.experts_per_token());
  Add(flags, "--moe-ffn-hidden-size", model.moe_ffn_hidden_size());
  const int64_t dense = model.num_layers() - model.num_moe_layers();
  if (dense > 0) {
    Add(flags, "--moe-layer-freq",
        absl::StrCat("([0]*", dense, "+[1]*", model.num_moe_layers(), ")"));
  }
  if (model.shared_expert_ffn_hidden_size() > 0) {
    Add(flags, "--moe-shared-expert-intermediate-size", model.shared_expert_ffn_hidden_size());
  }
  if (model.router_bias()) {
    // The correction bias of DeepSeek-V3 stands on sigmoid scores.
    Add(flags, "--moe-router-score-function", std::string("sigmoid"));
    Add(flags, "--moe-router-enable-expert-bias");
  }
  Add(flags, "--moe-grouped-gemm");
  Add(flags, "--moe-token-dispatcher-type", std::string("alltoall"));
  return absl::OkStatus();
}

absl::Status AddModel(const v1::Architecture& model, Flags& flags) {
  if (model.embedding_size() > 0 && model.embedding_size() != model.hidden_size()) {
    return NoFlag("model.embedding_size", absl::StrCat(model.embedding_size()));
  }
  Add(flags, "--num-layers", model.num_layers());
  Add(flags, "--hidden-size", model.hidden_size());
  // 0 where every layer has experts, which have a width of their own.
  if (model.ffn_hidden_size() > 0) Add(flags, "--ffn-hidden-size", model.ffn_hidden_size());
  RHUMB_RETURN_IF_ERROR(AddAttention(model, flags));
  Add(flags, "--seq-length", model.sequence_length());
  if (model.learned_position_count() > 0) {
    if (model.learned_position_count() < model.sequence_length()) {
      return CannotExpress("model.learned_position_count",
                           absl::StrCat(model.learned_position_count()),
                           "Megatron-LM wants at least sequence_length positions");
    }
    Add(flags, "--max-position-embeddings", model.learned_position_count());
    Add(flags, "--position-embedding-type", std::string("learned_absolute"));
  } else {
    Add(flags, "--max-position-embeddings", model.sequence_length());
    Add(flags, "--position-embedding-type", std::string("rope"));
  }
  RHUMB_RETURN_IF_ERROR(AddNorms(model, flags));
  if (model.gated()) Add(flags, "--swiglu");
  RHUMB_RETURN_IF_ERROR(AddBiases(model, flags));
  if (!model.tied_embeddings()) Add(flags, "--untie-embeddings-and-output-weights");
  Add(flags, "--vocab-size", model.vocab_size());
  Add(flags, "--make-vocab-size-divisible-by", int64_t{128});
  return AddExperts(model, flags);
}

void AddPrecision(v1::Precision precision, Flags& flags) {
  Add(flags, precision == v1::PRECISION_FP16 ? "--fp16" : "--bf16");
  if (precision == v1::PRECISION_FP8) {
    Add(flags, "--fp8-format", std::string("hybrid"));
  } else if (precision == v1::PRECISION_MXFP8) {
    Add(flags, "--fp8-format", std::string("e4m3"));
    Add(flags, "--fp8-recipe", std::string("mxfp8"));
  } else if (precision == v1::PRECISION_NVFP4) {
    Add(flags, "--fp4-format", std::string("e2m1"));
    Add(flags, "--fp4-recipe", std::string("nvfp4"));
  }
}

absl::Status AddSharding(const v1::Plan& plan, bool overlaps, Flags& flags) {
  const v1::Layout& layout = plan.layout();
  if (layout.zero_stage() == 0) {
    if (overlaps && layout.data_parallel_size() * layout.context_parallel_size() > 1) {
      Add(flags, "--overlap-grad-reduce");
    }
    return absl::OkStatus();
  }
  if (layout.zero_stage() >= 2) {
    if (layout.pipeline_parallel_size() > 1) {
      return CannotExpress("layout.zero_stage", absl::StrCat(layout.zero_stage()),
                           "Megatron's FSDP is not written here together with pipeline stages");
    }
    Add(flags, "--use-megatron-fsdp");
    Add(flags, "--data-parallel-sharding-strategy",
        std::string(layout.zero_stage() == 2 ? "optim_grads" : "optim_grads_params"));
    Add(flags, "--no-gradient-accumulation-fusion");
    Add(flags, "--ckpt-format", std::string("fsdp_dtensor"));
  }
  Add(flags, "--use-distributed-optimizer");
  if (overlaps) {
    Add(flags, "--overlap-grad-reduce");
    Add(flags, "--overlap-param-gather");
  }
  return absl::OkStatus();
}

absl::Status AddLayout(const v1::Plan& plan, Flags& flags) {
  const v1::Layout& layout = plan.layout();
  const v1::Architecture& model = plan.model();
  RHUMB_ASSIGN_OR_RETURN(const FrameworkProfile profile, FindFrameworkProfile(layout.framework()));
  const int64_t t = layout.tensor_parallel_size();
  const int64_t p = layout.pipeline_parallel_size();
  Add(flags, "--tensor-model-parallel-size", t);
  if (t > 1) {
    Add(flags, "--sequence-parallel");
    if (profile.overlaps_tensor_parallel) Add(flags, "--tp-comm-overlap");
  }
  Add(flags, "--pipeline-model-parallel-size", p);
  if (layout.virtual_pipeline_stages() > 1) {
    Add(flags, "--num-layers-per-virtual-pipeline-stage",
        model.num_layers() / (p * layout.virtual_pipeline_stages()));
  } else if (model.num_layers() % p != 0) {
    Add(flags, "--pipeline-model-parallel-layout", PipelineLayoutText(model.num_layers(), p));
  }
  Add(flags, "--context-parallel-size", layout.context_parallel_size());
  if (layout.context_parallel_size() > 1 &&
      model.sequence_length() % (2 * layout.context_parallel_size()) != 0) {
    return CannotExpress("layout.context_parallel_size",
                         absl::StrCat(layout.context_parallel_size()),
                         "Megatron-LM wants twice of it to divide the sequence length");
  }
  if (model.expert_count() > 0) {
    if (layout.precision() == v1::PRECISION_FP16) {
      return CannotExpress("layout.precision", "fp16", "Megatron-LM's experts want bf16");
    }
    Add(flags, "--expert-model-parallel-size", layout.expert_parallel_size());
    // Megatron's default splits experts over the tensor ranks; plans do not.
    if (t > 1) Add(flags, "--expert-tensor-parallel-size", int64_t{1});
  }
  RHUMB_RETURN_IF_ERROR(AddSharding(plan, profile.overlaps_data_parallel, flags));
  switch (layout.recompute()) {
    case v1::RECOMPUTE_SELECTIVE:
      Add(flags, "--recompute-granularity", std::string("selective"));
      break;
    case v1::RECOMPUTE_FULL:
      Add(flags, "--recompute-granularity", std::string("full"));
      Add(flags, "--recompute-method", std::string("uniform"));
      Add(flags, "--recompute-num-layers", int64_t{1});
      break;
    default:
      break;
  }
  AddPrecision(layout.precision(), flags);
  return absl::OkStatus();
}

void AddTraining(const v1::Plan& plan, Flags& flags) {
  Add(flags, "--micro-batch-size", plan.layout().micro_batch_size());
  Add(flags, "--global-batch-size", plan.batch().global_batch_size());
  Add(flags, "--train-iters", plan.batch().step_count());
  if (plan.has_learning_rate() && plan.learning_rate().peak() > 0) {
    Add(flags, "--lr", LearningRateText(plan));
    if (absl::StartsWith(plan.learning_rate().schedule(), "cosine to 10% of peak")) {
      Add(flags, "--min-lr", absl::StrFormat("%.4g", 0.1 * plan.learning_rate().peak()));
      Add(flags, "--lr-decay-style", std::string("cosine"));
    }
  }
}

}  // namespace

std::string PipelineLayoutText(int64_t num_layers, int64_t pipeline_parallel_size) {
  std::vector<std::string> stages;
  for (int64_t stage = 0; stage < pipeline_parallel_size; ++stage) {
    stages.push_back(absl::StrCat(stage == 0 ? "E" : "", "t*",
                                  LayersOnStage(num_layers, pipeline_parallel_size, stage),
                                  stage + 1 == pipeline_parallel_size ? "L" : ""));
  }
  return absl::StrJoin(stages, "|");
}

absl::StatusOr<MegatronFlags> MegatronFlagsOf(const v1::Plan& plan) {
  MegatronFlags flags;
  RHUMB_RETURN_IF_ERROR(AddModel(plan.model(), flags.model));
  RHUMB_RETURN_IF_ERROR(AddLayout(plan, flags.layout));
  AddTraining(plan, flags.training);
  const v1::Layout& layout = plan.layout();
  const bool overlaps = layout.tensor_parallel_size() > 1 || layout.context_parallel_size() > 1;
  if (overlaps && layout.zero_stage() < 2) flags.max_connections = std::string("1");
  return flags;
}

}  // namespace rhumb::launch
