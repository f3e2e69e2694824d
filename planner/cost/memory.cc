// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/memory.h"

#include <algorithm>
#include <cstdint>

namespace rhumb {
namespace {

// Layers whose parameters ZeRO-3 holds gathered at once: the one at work and the one prefetched.
constexpr double kGatheredLayers = 2;
// Upper estimate (p95) over expected peak: set by hand so that at least 95% of measured peaks stay
// under it (98% do: docs/accuracy.md).
constexpr double kP95Factor = 1.10;
constexpr double kP95Bytes = 0.3e9;

}  // namespace

double UpperMemoryBytes(double peak_bytes) { return kP95Factor * peak_bytes + kP95Bytes; }

double MicroBatchesInFlight(const Layout& layout, int64_t micro_batch_count, int64_t stage) {
  const double p = static_cast<double>(layout.pipeline_parallel_size);
  const double v = static_cast<double>(layout.virtual_pipeline_stages);
  const double m = static_cast<double>(micro_batch_count);
  const double r = static_cast<double>(stage);
  if (layout.virtual_pipeline_stages == 1) return std::min(m, p - r);
  const double chunks = (v - 1) * p + 2 * (p - r - 1) + 1;
  return std::min(m * v, chunks) / v;
}

MemoryModel::MemoryModel(const ModelShape& shape, const FrameworkProfile& profile)
    : shape_(shape),
      profile_(profile),
      counts_(CountParams(shape)),
      num_dense_layers_(shape.num_layers - (shape.is_moe() ? shape.num_moe_layers : 0)) {}

MemoryModel::LayerActivations MemoryModel::ActivationsOfLayer(const Layout& layout, double tokens,
                                                              bool moe) const {
  const double t = static_cast<double>(layout.tensor_parallel_size);
  const double hidden_split = layout.sequence_parallel ? t : 1.0;
  const double h = static_cast<double>(shape_.hidden_size);
  const double heads = static_cast<double>(shape_.num_attention_heads);
  const double matrices = shape_.gated ? 3 : 2;

  double attention;  // 16-bit projections that the backward pass reads
  if (shape_.is_mla()) {
    const double qk = static_cast<double>(shape_.qk_nope_head_dim + shape_.qk_rope_head_dim);
    const double latents =
        static_cast<double>(shape_.q_lora_rank + shape_.kv_lora_rank + shape_.qk_rope_head_dim);
    attention = 2 * heads * (2 * qk + 2 * static_cast<double>(shape_.v_head_dim)) / t + 4 * latents;
  } else {
    const double q = static_cast<double>(shape_.query_width());
    const double kv = static_cast<double>(
        std::max(shape_.key_value_width(), shape_.head_dim * layout.tensor_parallel_size));
    attention = (2 * (q + 2 * kv) + 2 * q) / t;
  }
  const bool materialises_scores =
      profile_.attention == Attention::kCore || profile_.attention == Attention::kUnfused;
  // Softmax output, dropout mask and dropout output: 5 bytes a score (Korthikanti et al. 2022,
  // section 4.1). Flash kernels keep one fp32 statistic a head and query. The keys of all context
  // ranks meet every local query.
  const double scores = materialises_scores
                            ? 5 * heads * static_cast<double>(shape_.sequence_length) / t
                            : 4 * heads / t;

  double mlp;
  if (moe) {
    // Each copy of a routed token keeps its permuted input, the input as dispatched and the
    // expert's output that the router's weight multiplies, and the expert's intermediate; with
    // tensor ranks the tokens are spread over them before dispatch.
    const double k = static_cast<double>(shape_.experts_per_token);
    const double etp = static_cast<double>(layout.expert_tensor_parallel_size);
    mlp = k * (6 * h * etp + 2 * matrices * static_cast<double>(shape_.moe_ffn_hidden_size)) / t +
          2 * matrices * static_cast<double>(shape_.shared_expert_ffn_hidden_size) / t +
          4 * static_cast<double>(shape_.expert_count) / hidden_split;
  } else {
    mlp = 2 * matrices * static_cast<double>(shape_.ffn_hidden_size) / t;
    if (shape_.gated && !profile_.fuses_gated_activation && !profile_.compiled) {
      mlp += 2 * static_cast<double>(shape_.ffn_hidden_size) / t;
    }
  }
  double hidden = profile_.hidden_activation_bytes * h / hidden_split;
  const bool narrow = layout.precision != Precision::kFp16 && layout.precision != Precision::kBf16;
  if (narrow && profile_.keeps_8bit_inputs) {
    // Inputs of the QKV and first MLP projections, and of the second MLP projection.
    hidden -= 2 * h / hidden_split;
    mlp -= (moe ? static_cast<double>(shape_.experts_per_token * shape_.moe_ffn_hidden_size +
                                      shape_.shared_expert_ffn_hidden_size)
                : static_cast<double>(shape_.ffn_hidden_size)) /
           t;
  }
  LayerActivations bytes;
  bytes.full_bytes = tokens * (hidden + attention + scores + mlp);
  bytes.recomputed_bytes = profile_.selective_recompute == SelectiveRecompute::kAttentionCore
                               ? (materialises_scores ? tokens * scores : 0.0)
                               : (1 - profile_.work.operator_recompute_keeps) * bytes.full_bytes;
  return bytes;
}

double MemoryModel::RecomputeCheckpointBytes(const Layout& layout, double tokens) const {
  const double split =
      layout.sequence_parallel ? static_cast<double>(layout.tensor_parallel_size) : 1.0;
  return 2 * tokens * static_cast<double>(shape_.hidden_size) / split;
}

MemoryModel::StageParts MemoryModel::PartsOf(const Layout& layout) const {
  StageParts parts;
  parts.params = RankParamPartsOf(shape_, counts_, layout);
  parts.tokens = static_cast<double>(layout.micro_batch_size) *
                 static_cast<double>(shape_.sequence_length) /
                 static_cast<double>(layout.context_parallel_size);
  parts.vocab =
      static_cast<double>(PaddedVocabSize(shape_.vocab_size, layout.tensor_parallel_size));
  if (num_dense_layers_ > 0) {
    parts.dense_layer = ActivationsOfLayer(layout, parts.tokens, false);
  }
  if (num_dense_layers_ < shape_.num_layers) {
    parts.moe_layer = ActivationsOfLayer(layout, parts.tokens, true);
  }
  return parts;
}

StageMemory MemoryModel::Stage(const Layout& layout, int64_t micro_batch_count,
                               int64_t stage) const {
  return Stage(layout, micro_batch_count, stage, PartsOf(layout));
}

StageMemory MemoryModel::Stage(const Layout& layout, int64_t micro_batch_count, int64_t stage,
                               const StageParts& parts) const {
  const int64_t p = layout.pipeline_parallel_size;
  const double t = static_cast<double>(layout.tensor_parallel_size);
  const StageLayers layers = StageLayersOf(shape_.num_layers, num_dense_layers_, p, stage);
  const double dense_layers = static_cast<double>(layers.dense);
  const double moe_layers = static_cast<double>(layers.moe);
  const RankParams params = parts.params.OnStage(layers, p, stage);

  // States by ZeRO stage. Over a pipeline, gradients stay whole until the last micro-batch, so that
  // ZeRO-2 saves nothing over ZeRO-1.
  const double ranks =
      static_cast<double>(layout.data_parallel_size * layout.context_parallel_size);
  const double expert_ranks =
      ranks * t /
      static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
  const auto sharded = [&](double bytes) {
    return bytes * (params.dense / ranks + params.expert / expert_ranks);
  };
  const auto whole = [&](double bytes) { return bytes * (params.dense + params.expert); };
  StageMemory memory;
  memory.weights_bytes = whole(profile_.weight_bytes);
  memory.gradients_bytes = layout.zero_stage >= 2 && p == 1 ? sharded(profile_.gradient_bytes)
                                                            : whole(profile_.gradient_bytes);
  memory.optimizer_bytes =
      layout.zero_stage >= 1 ? sharded(profile_.optimizer_bytes) : whole(profile_.optimizer_bytes);
  if (layout.zero_stage == 3) {
    const double largest_layer = moe_layers > 0
                                     ? parts.params.moe_layer + parts.params.routed_experts
                                     : parts.params.dense_layer;
    const double gathered =
        p > 1 ? params.dense + params.expert : kGatheredLayers * largest_layer + params.tables;
    const double weights =
        sharded(profile_.sharded_weight_bytes) + profile_.weight_bytes * gathered;
    const double gradients =
        sharded(profile_.gradient_bytes) +
        profile_.gathered_gradient_bytes * (p > 1 ? gathered : kGatheredLayers * largest_layer);
    // With few ranks the gathered working set outweighs the saving; frameworks then keep what
    // ZeRO-2 keeps.
    if (weights + gradients < memory.weights_bytes + memory.gradients_bytes) {
      memory.weights_bytes = weights;
      memory.gradients_bytes = gradients;
    }
  }

  // Activations.
  const double tokens = parts.tokens;
  const double in_flight = MicroBatchesInFlight(layout, micro_batch_count, stage);
  const LayerActivations dense = dense_layers > 0 ? parts.dense_layer : LayerActivations{};
  const LayerActivations moe = moe_layers > 0 ? parts.moe_layer : LayerActivations{};
  switch (layout.recompute) {
    case Recompute::kNone:
      memory.activations_bytes =
          in_flight * (dense_layers * dense.full_bytes + moe_layers * moe.full_bytes);
      break;
    case Recompute::kSelective:
      memory.activations_bytes =
          in_flight * (dense_layers * (dense.full_bytes - dense.recomputed_bytes) +
                       moe_layers * (moe.full_bytes - moe.recomputed_bytes)) +
          std::max(dense.recomputed_bytes, moe.recomputed_bytes);
      break;
    case Recompute::kFull:
      memory.activations_bytes =
          in_flight * (dense_layers + moe_layers) * RecomputeCheckpointBytes(layout, tokens) +
          profile_.work.recomputed_layers * std::max(dense.full_bytes, moe.full_bytes);
      memory.activations_bytes += in_flight *
                                  static_cast<double>(p > 1 ? profile_.stage_boundary_copies : 0) *
                                  RecomputeCheckpointBytes(layout, tokens);
      // Sequence parallelism gathers the layer's input and its gradient at full length while a
      // layer is redone.
      if (layout.sequence_parallel && layout.tensor_parallel_size > 1) {
        memory.activations_bytes += 8 * tokens * static_cast<double>(shape_.hidden_size);
      }
      break;
  }
  const double logits = stage == p - 1 ? profile_.logits_bytes * tokens * parts.vocab / t : 0.0;
  // Copies that the optimizer's step makes of one tensor after the other lie where activations and
  // logits lay. Sharded optimizers make one flat copy, for which the allocator finds no gap.
  if (layout.zero_stage == 0) {
    memory.optimizer_bytes -=
        std::min(whole(profile_.step_optimizer_bytes), memory.activations_bytes + logits);
  }
  memory.logits_bytes = logits;
  memory.workspace_bytes = profile_.workspace_bytes;
  return memory;
}

MemoryEstimate MemoryModel::Estimate(const Layout& layout, int64_t micro_batch_count,
                                     bool with_stages) const {
  const int64_t p = layout.pipeline_parallel_size;
  MemoryEstimate estimate;
  const StageParts parts = PartsOf(layout);
  double peak_live = -1;
  const auto consider = [&](int64_t stage) {
    const StageMemory memory = Stage(layout, micro_batch_count, stage, parts);
    if (memory.total_bytes() > peak_live) {
      peak_live = memory.total_bytes();
      estimate.peak = memory;
    }
    if (with_stages) estimate.stages.push_back(memory);
  };
  if (with_stages) {
    for (int64_t stage = 0; stage < p; ++stage) consider(stage);
  } else {
    // Micro-batches in flight fall with the stage, as ForEachExtremeStage asks.
    ForEachExtremeStage(shape_.num_layers, num_dense_layers_, p, consider);
  }
  estimate.peak_bytes = CounterBytes(profile_, peak_live);
  estimate.p95_bytes = UpperMemoryBytes(estimate.peak_bytes);
  return estimate;
}

double MemoryModel::MostStatesBytes(const Layout& layout) const {
  double most = 0;
  ForEachExtremeStage(
      shape_.num_layers, num_dense_layers_, layout.pipeline_parallel_size, [&](int64_t stage) {
        const StageMemory memory = Stage(layout, 1, stage);
        most =
            std::max(most, memory.weights_bytes + memory.gradients_bytes + memory.optimizer_bytes);
      });
  return most;
}

}  // namespace rhumb
