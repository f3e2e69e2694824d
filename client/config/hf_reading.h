// SPDX-License-Identifier: Apache-2.0
// What the readers of Hugging Face configs share. For hf_*.cc only.
#ifndef RHUMB_CLIENT_CONFIG_HF_READING_H_
#define RHUMB_CLIENT_CONFIG_HF_READING_H_

#include <cstdint>
#include <optional>

#include "client/config/document.h"
#include "client/config/field_reader.h"
#include "planner/cost/model_shape.h"

namespace rhumb {

// One config under way to its shape.
struct Reading {
  const DocumentValue& table;
  FieldReader reader;
  ModelShape shape;
};

// Layers, width, heads and vocabulary: every family has them under one of these names.
void ReadDimensions(Reading& r);

// head_dim = hidden_size / heads, for the families that know no other.
void DeriveHeadDim(Reading& r);

// head_dim as given; absent, the class default or, without one (or null), derived.
void ReadHeadDim(Reading& r, std::optional<int64_t> class_default = std::nullopt);

// In every class null means one pair of key and value heads per query head; what absence means
// differs.
void ReadKeyValueHeads(Reading& r, std::optional<int64_t> class_default = std::nullopt);

void ReadIntermediateSize(Reading& r);

// One switch for the biases of queries, keys, values and output.
void ReadAttentionBias(Reading& r, bool class_default);

// `window` 0: none. The explicit layer_types of newer configs win over the family's pattern, of
// which `layers_by_pattern` layers have the window.
void SetWindow(Reading& r, int64_t window, int64_t layers_by_pattern);

// sliding_window as given; 0 if null, `class_default` if absent.
int64_t WindowOr(Reading& r, int64_t class_default);

// Qwen's rule: with use_sliding_window, the layers from max_window_layers on have the window.
void ReadQwenWindow(Reading& r);

// Llama and the families that differ from it in little: RMSNorm, gated MLP, no position table.
void ReadLlamaLike(Reading& r, std::optional<int64_t> kv_default = std::nullopt,
                   std::optional<int64_t> head_dim_default = std::nullopt,
                   bool tied_default = false);

// Norms of the whole query and key widths, as OLMo 2 and OLMoE have them.
void SetWideQkNorm(Reading& r);

}  // namespace rhumb

#endif  // RHUMB_CLIENT_CONFIG_HF_READING_H_
