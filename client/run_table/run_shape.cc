// SPDX-License-Identifier: Apache-2.0
// The columns of a row that say what was trained.
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/run_table/run_columns.h"
#include "client/run_table/run_row.h"

namespace rhumb {
namespace {

void ReadExperts(RunCells& cells, ModelShape& shape) {
  shape.expert_count = cells.Count("experts", 0, 0);
  if (shape.expert_count == 0) {
    return cells.Refuse("experts", "must be given for a mixture of experts");
  }
  shape.experts_per_token = cells.Count("topk", 1, 1);
  shape.moe_ffn_hidden_size = cells.Count("moe_ffn", 1, shape.ffn_hidden_size);
  shape.shared_expert_ffn_hidden_size = cells.Count("shared_ffn", 0, 0);
  shape.num_moe_layers = cells.Count("moe_layers", 1, shape.num_layers);
}

void ReadLatentAttention(RunCells& cells, bool required, ModelShape& shape) {
  shape.kv_lora_rank = cells.Count("kv_lora", 0, 0);
  if (shape.kv_lora_rank == 0) {
    if (required) cells.Refuse("kv_lora", "must be given, with qk_nope, qk_rope and v_head_dim");
    return;
  }
  shape.q_lora_rank = cells.Count("q_lora", 0, 0);
  shape.qk_nope_head_dim = cells.Count("qk_nope", 0, 0);
  shape.qk_rope_head_dim = cells.Count("qk_rope", 0, 0);
  shape.v_head_dim = cells.Count("v_head_dim", 0, 0);
}

// Of a vocabulary and a sequence, as the API has it.
constexpr int64_t kMostTokens = int64_t{1} << 24;

// A count that is given wins over one that is made of dimensions (see run_measurement.cc), but a
// far one says that a dimension is wrong: this far, about a forgotten gate of the MLP.
constexpr double kMostCountError = 0.25;

void CheckCount(RunCells& cells, const ModelShape& shape) {
  const std::optional<double> given = cells.Number("params", NumberRange::kPositive, true);
  if (!given.has_value()) return;
  const int64_t counted = CountParams(shape).total;
  const double ratio = static_cast<double>(counted) / *given;
  if (ratio < 1 / (1 + kMostCountError) || ratio > 1 + kMostCountError) {
    cells.Refuse("params", absl::StrCat("is ", cells.Text("params"), ", but the dimensions make ",
                                        counted, "; is one of them wrong?"));
  }
}

}  // namespace

ModelShape ReadRunShape(RunCells& cells) {
  ModelShape shape;
  const std::string arch = cells.Text("arch");
  if (arch == "hybrid") {
    cells.Refuse("arch", "hybrid: state-space layers have no formulas here");
    return shape;
  }
  if (!arch.empty() && arch != "gpt" && arch != "moe" && arch != "mla_moe") {
    cells.Refuse("arch",
                 absl::StrCat("must be gpt, moe, mla_moe or hybrid, got ", ShownCell(arch)));
    return shape;
  }
  shape.name = cells.Text("model");
  shape.num_layers = cells.RequiredCount("layers");
  shape.hidden_size = cells.RequiredCount("hidden");
  shape.num_attention_heads = cells.RequiredCount("heads");
  shape.vocab_size = cells.RequiredCount("vocab", kMostTokens);
  shape.sequence_length = cells.RequiredCount("seq", kMostTokens);
  shape.num_key_value_heads = cells.Count("kv_heads", 1, shape.num_attention_heads);
  shape.head_dim = cells.Count("head_dim", 1, shape.hidden_size / shape.num_attention_heads);
  shape.ffn_hidden_size = cells.Count("ffn", 0, 4 * shape.hidden_size);
  shape.gated = cells.Switch("glu", false);
  shape.tied_embeddings = cells.Switch("tied", false);
  if (cells.Switch("learned_pos", false)) shape.learned_position_count = shape.sequence_length;
  // Models without gated MLPs are of the GPT-2 and GPT-3 kind: biases and LayerNorm.
  if (!shape.gated) {
    shape.norm_type = NormType::kLayerNorm;
    shape.qkv_bias = shape.attention_output_bias = shape.mlp_bias = true;
  }
  if (cells.Switch("qkv_bias", false)) shape.qkv_bias = true;
  if (cells.Switch("qk_norm", false)) shape.qk_norm_param_count = 2 * shape.head_dim;
  if (arch == "moe" || arch == "mla_moe") ReadExperts(cells, shape);
  ReadLatentAttention(cells, arch == "mla_moe", shape);
  if (cells.ok()) RefuseField(cells, ValidateModelShape(shape));
  if (cells.ok()) CheckCount(cells, shape);
  return shape;
}

}  // namespace rhumb
