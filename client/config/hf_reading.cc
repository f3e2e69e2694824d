// SPDX-License-Identifier: Apache-2.0
#include "client/config/hf_reading.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"

namespace rhumb {
namespace {

// As ValidateModelShape; checked before counts of layers are made from it.
constexpr int64_t kMaxLayers = 100'000;

}  // namespace

void ReadDimensions(Reading& r) {
  ModelShape& shape = r.shape;
  shape.num_layers = r.reader.Integer({"num_hidden_layers", "n_layer"}, 1);
  if (shape.num_layers > kMaxLayers) {
    r.reader.Fail("num_hidden_layers",
                  absl::StrCat("must be at most ", kMaxLayers, ", got ", shape.num_layers));
    shape.num_layers = 1;
  }
  shape.hidden_size = r.reader.Integer({"hidden_size", "n_embd", "n_embed"}, 1);
  shape.num_attention_heads = r.reader.Integer({"num_attention_heads", "n_head"}, 1);
  shape.num_key_value_heads = shape.num_attention_heads;
  shape.vocab_size = r.reader.Integer({"vocab_size"}, 1);
}

void DeriveHeadDim(Reading& r) {
  if (r.shape.hidden_size % r.shape.num_attention_heads != 0) {
    r.reader.Fail("num_attention_heads",
                  absl::StrCat("must divide hidden_size (", r.shape.hidden_size, "), got ",
                               r.shape.num_attention_heads));
  }
  r.shape.head_dim = r.shape.hidden_size / r.shape.num_attention_heads;
}

void ReadHeadDim(Reading& r, std::optional<int64_t> class_default) {
  const std::optional<int64_t> given = r.reader.OptionalInteger({"head_dim"}, 1);
  if (given.has_value()) {
    r.shape.head_dim = *given;
  } else if (class_default.has_value() && r.table.Find("head_dim") == nullptr) {
    r.shape.head_dim = *class_default;
  } else {
    DeriveHeadDim(r);
  }
}

void ReadKeyValueHeads(Reading& r, std::optional<int64_t> class_default) {
  int64_t absent = r.shape.num_attention_heads;
  if (class_default.has_value() && r.table.Find("num_key_value_heads") == nullptr)
    absent = *class_default;
  r.shape.num_key_value_heads = r.reader.IntegerOr({"num_key_value_heads"}, 1, absent);
}

void ReadIntermediateSize(Reading& r) {
  r.shape.ffn_hidden_size = r.reader.Integer({"intermediate_size"}, 1);
}

void ReadAttentionBias(Reading& r, bool class_default) {
  r.shape.qkv_bias = r.reader.FlagOr({"attention_bias"}, class_default);
  r.shape.attention_output_bias = r.shape.qkv_bias;
}

void SetWindow(Reading& r, int64_t window, int64_t layers_by_pattern) {
  int64_t layers = layers_by_pattern;
  if (const DocumentValue* types = r.reader.OptionalList("layer_types"); types != nullptr) {
    if (static_cast<int64_t>(types->items.size()) != r.shape.num_layers) {
      r.reader.Fail("layer_types",
                    absl::StrCat("must have one entry for each of the ", r.shape.num_layers,
                                 " layers, got ", types->items.size()));
    }
    layers = std::count_if(types->items.begin(), types->items.end(), [](const DocumentValue& type) {
      return type.text == "sliding_attention";
    });
  }
  if (window == 0 || layers == 0) return;
  r.shape.sliding_window = window;
  r.shape.num_sliding_window_layers = layers;
}

int64_t WindowOr(Reading& r, int64_t class_default) {
  const DocumentValue* given = r.table.Find("sliding_window");
  const int64_t absent = given == nullptr ? class_default : 0;
  return r.reader.IntegerOr({"sliding_window"}, 1, absent);
}

void ReadQwenWindow(Reading& r) {
  if (!r.reader.FlagOr({"use_sliding_window"}, false)) return;
  const int64_t first = r.reader.IntegerOr({"max_window_layers"}, 0, 28);
  SetWindow(r, WindowOr(r, 4096), std::max<int64_t>(0, r.shape.num_layers - first));
}

void ReadLlamaLike(Reading& r, std::optional<int64_t> kv_default,
                   std::optional<int64_t> head_dim_default, bool tied_default) {
  ReadDimensions(r);
  ReadKeyValueHeads(r, kv_default);
  ReadHeadDim(r, head_dim_default);
  r.shape.tied_embeddings = r.reader.FlagOr({"tie_word_embeddings"}, tied_default);
}

void SetWideQkNorm(Reading& r) {
  r.shape.qk_norm_param_count = r.shape.query_width() + r.shape.key_value_width();
}

}  // namespace rhumb
