// SPDX-License-Identifier: Apache-2.0
// Parameters that one rank of a pipeline stage holds: what its memory and its exchange count alike.
#ifndef RHUMB_PLANNER_COST_RANK_PARAMS_H_
#define RHUMB_PLANNER_COST_RANK_PARAMS_H_

#include <cstdint>

#include "planner/cost/layout.h"
#include "planner/cost/model_shape.h"

namespace rhumb {

// Of one rank of a stage.
struct RankParams {
  double dense = 0;   // all but routed experts: every data and context rank holds them
  double expert = 0;  // routed experts, which have ranks of their own
  double tables = 0;  // of `dense`, what embedding and output head hold
};

// The same of the parts that stages are made of, in one layout.
struct RankParamParts {
  double dense_layer = 0;
  double moe_layer = 0;        // but for its routed experts
  double routed_experts = 0;   // of one layer
  double table = 0;            // embedding, or output head
  double position = 0;         // with the embedding
  double other = 0;            // with the head
  bool head_has_table = true;  // a tied one lives on both ends of a pipeline

  // `stage` is one of `pipeline_parallel_size`, with `layers` on it.
  RankParams OnStage(const StageLayers& layers, int64_t pipeline_parallel_size,
                     int64_t stage) const {
    const double dense_layers = static_cast<double>(layers.dense);
    const double moe_layers = static_cast<double>(layers.moe);
    const bool is_first = stage == 0;
    const bool is_last = stage == pipeline_parallel_size - 1;
    RankParams params;
    params.tables = is_first ? table : 0.0;
    if (is_last && head_has_table) params.tables += table;
    params.dense = dense_layers * dense_layer + moe_layers * moe_layer + params.tables +
                   (is_first ? position : 0.0) + (is_last ? other : 0.0);
    params.expert = moe_layers * routed_experts;
    return params;
  }
};

// `counts` are those of `shape`.
RankParamParts RankParamPartsOf(const ModelShape& shape, const ParamCounts& counts,
                                const Layout& layout);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_RANK_PARAMS_H_
