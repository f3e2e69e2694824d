// SPDX-License-Identifier: Apache-2.0
// Models and random layouts that the tests of the cost model share.
#ifndef RHUMB_TESTS_PLANNER_COST_COST_FIXTURES_H_
#define RHUMB_TESTS_PLANNER_COST_COST_FIXTURES_H_

#include <cstdint>
#include <random>
#include <vector>

#include "planner/cost/layout.h"
#include "planner/cost/model_shape.h"

namespace rhumb::testing_support {

// GPT-3 175B as Megatron trains it.
inline ModelShape Gpt175B() {
  ModelShape shape;
  shape.num_layers = 96;
  shape.hidden_size = 12288;
  shape.num_attention_heads = 96;
  shape.num_key_value_heads = 96;
  shape.head_dim = 128;
  shape.ffn_hidden_size = 49152;
  shape.gated = false;
  shape.tied_embeddings = true;
  shape.vocab_size = 51200;
  shape.sequence_length = 2048;
  shape.norm_type = NormType::kLayerNorm;
  return shape;
}

// Llama 3.1 8B.
inline ModelShape Llama8B() {
  ModelShape shape;
  shape.num_layers = 32;
  shape.hidden_size = 4096;
  shape.num_attention_heads = 32;
  shape.num_key_value_heads = 8;
  shape.head_dim = 128;
  shape.ffn_hidden_size = 14336;
  shape.vocab_size = 128256;
  shape.sequence_length = 8192;
  return shape;
}

// A mixture of experts whose first layers are dense.
inline ModelShape MixtureWithDenseLayers() {
  ModelShape shape = Llama8B();
  shape.num_layers = 30;
  shape.expert_count = 64;
  shape.experts_per_token = 6;
  shape.moe_ffn_hidden_size = 1408;
  shape.shared_expert_ffn_hidden_size = 2816;
  shape.num_moe_layers = 27;
  return shape;
}

// A layout drawn from those that ValidateLayout accepts.
inline Layout RandomLayout(const ModelShape& shape, std::mt19937& random) {
  const auto pick = [&random](const std::vector<int64_t>& values) {
    return values[std::uniform_int_distribution<size_t>(0, values.size() - 1)(random)];
  };
  while (true) {
    Layout layout;
    layout.tensor_parallel_size = pick({1, 2, 4, 8});
    layout.pipeline_parallel_size = pick({1, 2, 3, 4, 5, 7, 8, 16});
    layout.context_parallel_size = pick({1, 1, 2, 4});
    layout.data_parallel_size = pick({1, 2, 3, 8, 16, 64});
    layout.expert_parallel_size = shape.is_moe() ? pick({1, 2, 8, 16}) : 1;
    layout.virtual_pipeline_stages = pick({1, 1, 2, 3, 4});
    layout.zero_stage = pick({0, 1, 2, 3});
    layout.micro_batch_size = pick({1, 2, 4, 8});
    layout.recompute = static_cast<Recompute>(pick({0, 1, 2}));
    layout.precision = static_cast<Precision>(pick({0, 1, 2}));
    layout.sequence_parallel = pick({0, 1}) == 1;
    if (ValidateLayout(shape, layout).ok()) return layout;
  }
}

}  // namespace rhumb::testing_support

#endif  // RHUMB_TESTS_PLANNER_COST_COST_FIXTURES_H_
