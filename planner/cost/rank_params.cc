// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/rank_params.h"

namespace rhumb {

RankParamParts RankParamPartsOf(const ModelShape& shape, const ParamCounts& counts,
                                const Layout& layout) {
  const double t = static_cast<double>(layout.tensor_parallel_size);
  const double expert_split =
      static_cast<double>(layout.expert_parallel_size * layout.expert_tensor_parallel_size);
  const double vocab =
      static_cast<double>(PaddedVocabSize(shape.vocab_size, layout.tensor_parallel_size));
  const double shared = static_cast<double>(counts.attention_per_layer) / t +
                        static_cast<double>(counts.norms_per_layer);
  return {
      .dense_layer = shared + static_cast<double>(counts.dense_mlp_per_layer) / t,
      .moe_layer = shared + static_cast<double>(counts.shared_expert_per_layer) / t +
                   static_cast<double>(counts.router_per_layer),
      .routed_experts = static_cast<double>(counts.expert_per_layer) / expert_split,
      .table = vocab * static_cast<double>(shape.hidden_size) / t,
      .position = static_cast<double>(counts.position_embedding),
      .other = static_cast<double>(counts.other),
      .head_has_table = !shape.tied_embeddings || layout.pipeline_parallel_size > 1,
  };
}

}  // namespace rhumb
