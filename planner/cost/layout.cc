// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/layout.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "planner/cost/model_shape.h"

namespace rhumb {
namespace {

absl::Status CheckAtLeastOne(absl::string_view field, int64_t value) {
  if (value >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, " must be at least 1, got ", value));
}

absl::Status MustDivide(absl::string_view field, int64_t value, absl::string_view whole,
                        int64_t whole_value) {
  if (whole_value % value == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(field, " must divide ", whole, " (", whole_value, "), got ", value));
}

// The rules that frameworks and the planner share.
absl::Status ValidateCommon(const ModelShape& shape, const Layout& layout) {
  const struct {
    absl::string_view field;
    int64_t value;
  } sizes[] = {{"tensor_parallel_size", layout.tensor_parallel_size},
               {"pipeline_parallel_size", layout.pipeline_parallel_size},
               {"context_parallel_size", layout.context_parallel_size},
               {"expert_parallel_size", layout.expert_parallel_size},
               {"data_parallel_size", layout.data_parallel_size},
               {"virtual_pipeline_stages", layout.virtual_pipeline_stages},
               {"micro_batch_size", layout.micro_batch_size},
               {"expert_tensor_parallel_size", layout.expert_tensor_parallel_size}};
  for (const auto& size : sizes) {
    if (absl::Status bad = CheckAtLeastOne(size.field, size.value); !bad.ok()) return bad;
  }
  const int64_t t = layout.tensor_parallel_size;
  const int64_t p = layout.pipeline_parallel_size;
  if (absl::Status bad =
          MustDivide("tensor_parallel_size", t, "num_attention_heads", shape.num_attention_heads);
      !bad.ok()) {
    return bad;
  }
  // Latent attention has no KV heads to split: every rank expands its own from the latent.
  const int64_t kv_heads = shape.num_key_value_heads;
  if (!shape.is_mla() && kv_heads % t != 0 && t % kv_heads != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor_parallel_size must divide or be a multiple of num_key_value_heads (",
                     kv_heads, "), got ", t));
  }
  if (p > shape.num_layers) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pipeline_parallel_size must be at most num_layers (", shape.num_layers, "), got ", p));
  }
  if (layout.virtual_pipeline_stages > 1) {
    if (p == 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("virtual_pipeline_stages above 1 needs pipeline_parallel_size above 1, got ",
                       layout.virtual_pipeline_stages, " with 1 stage"));
    }
    if (p * layout.virtual_pipeline_stages > shape.num_layers) {
      return absl::InvalidArgumentError(absl::StrCat(
          "virtual_pipeline_stages * pipeline_parallel_size must be at most num_layers (",
          shape.num_layers, "), got ", layout.virtual_pipeline_stages, " * ", p));
    }
  }
  if (absl::Status bad = MustDivide("context_parallel_size", layout.context_parallel_size,
                                    "sequence_length", shape.sequence_length);
      !bad.ok()) {
    return bad;
  }
  if (layout.zero_stage < 0 || layout.zero_stage > 3) {
    return absl::InvalidArgumentError(
        absl::StrCat("zero_stage must be 0, 1, 2 or 3, got ", layout.zero_stage));
  }
  if (!shape.is_moe()) {
    if (layout.expert_parallel_size > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("expert_parallel_size must be 1 for a model without experts, got ",
                       layout.expert_parallel_size));
    }
    if (layout.expert_tensor_parallel_size > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("expert_tensor_parallel_size must be 1 for a model without experts, got ",
                       layout.expert_tensor_parallel_size));
    }
    return absl::OkStatus();
  }
  return MustDivide("expert_parallel_size", layout.expert_parallel_size, "expert_count",
                    shape.expert_count);
}

}  // namespace

absl::Status ValidateRunnableLayout(const ModelShape& shape, const Layout& layout) {
  if (absl::Status bad = ValidateCommon(shape, layout); !bad.ok()) return bad;
  const int64_t ranks_per_stage =
      layout.tensor_parallel_size * layout.context_parallel_size * layout.data_parallel_size;
  return MustDivide(
      "expert_parallel_size", layout.expert_parallel_size * layout.expert_tensor_parallel_size,
      "tensor * context * data parallel size (times expert_tensor_parallel_size)", ranks_per_stage);
}

absl::Status ValidateLayout(const ModelShape& shape, const Layout& layout) {
  if (absl::Status bad = ValidateCommon(shape, layout); !bad.ok()) return bad;
  if (layout.virtual_pipeline_stages > 1) {
    const int64_t chunks = layout.virtual_pipeline_stages * layout.pipeline_parallel_size;
    if (absl::Status bad = MustDivide("virtual_pipeline_stages * pipeline_parallel_size", chunks,
                                      "num_layers", shape.num_layers);
        !bad.ok()) {
      return bad;
    }
  }
  if (layout.expert_tensor_parallel_size != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("expert_tensor_parallel_size must be 1 in a plan, got ",
                     layout.expert_tensor_parallel_size));
  }
  return MustDivide("expert_parallel_size", layout.expert_parallel_size, "data_parallel_size",
                    layout.data_parallel_size);
}

int64_t LayersOnStage(int64_t num_layers, int64_t pipeline_parallel_size, int64_t stage) {
  const int64_t p = pipeline_parallel_size;
  if (p == 1) return num_layers;
  const int64_t base = num_layers / p;
  const int64_t longer = num_layers % p;
  // Order of lengthening: stages 1 .. p-2, then 0. At most p-1 stages are longer, so the last never
  // is.
  const int64_t rank = stage == 0 ? p - 2 : stage - 1;
  const bool is_last = stage == p - 1;
  return base + (!is_last && rank < longer ? 1 : 0);
}

int64_t LayersBeforeStage(int64_t num_layers, int64_t pipeline_parallel_size, int64_t stage) {
  if (stage == 0) return 0;
  const int64_t p = pipeline_parallel_size;
  const int64_t longer = num_layers % p;
  const int64_t first_is_longer = p > 1 && longer == p - 1 ? 1 : 0;
  return (num_layers / p) * stage + std::min(stage - 1, longer - first_is_longer) + first_is_longer;
}

StageLayers StageLayersOf(int64_t num_layers, int64_t num_dense_layers,
                          int64_t pipeline_parallel_size, int64_t stage) {
  const int64_t layers = LayersOnStage(num_layers, pipeline_parallel_size, stage);
  const int64_t before = LayersBeforeStage(num_layers, pipeline_parallel_size, stage);
  const int64_t dense = std::clamp(num_dense_layers - before, static_cast<int64_t>(0), layers);
  return {.dense = dense, .moe = layers - dense};
}

int64_t StageOfLayer(int64_t num_layers, int64_t pipeline_parallel_size, int64_t layer) {
  // Stages hold at most base + 1 layers, so this start is never too far.
  int64_t stage = layer / (num_layers / pipeline_parallel_size + 1);
  while (stage + 1 < pipeline_parallel_size &&
         LayersBeforeStage(num_layers, pipeline_parallel_size, stage + 1) <= layer) {
    ++stage;
  }
  return stage;
}

}  // namespace rhumb
