// SPDX-License-Identifier: Apache-2.0
#include "client/launch/torchtitan_flavors.h"

#include <cstdint>

namespace rhumb::launch {
namespace {

struct Llama3 {
  const char* flavor;
  int64_t num_layers;
  int64_t hidden_size;
  int64_t ffn_hidden_size;
  int64_t num_attention_heads;
};
constexpr Llama3 kLlama3[] = {
    {"8B", 32, 4096, 14336, 32},
    {"70B", 80, 8192, 28672, 64},
    {"405B", 126, 16384, 53248, 128},
};

}  // namespace

std::optional<v1::Architecture> FindTorchtitanFlavor(absl::string_view name,
                                                     absl::string_view flavor) {
  if (name != "llama3") return std::nullopt;
  for (const Llama3& known : kLlama3) {
    if (flavor != known.flavor) continue;
    v1::Architecture model;
    model.set_num_layers(known.num_layers);
    model.set_hidden_size(known.hidden_size);
    model.set_ffn_hidden_size(known.ffn_hidden_size);
    model.set_gated(true);
    model.set_num_attention_heads(known.num_attention_heads);
    model.set_num_key_value_heads(8);
    model.set_head_dim(128);
    model.set_norm_type(v1::NORM_TYPE_RMS);
    model.set_vocab_size(128256);
    return model;
  }
  return std::nullopt;
}

}  // namespace rhumb::launch
