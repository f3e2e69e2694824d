// SPDX-License-Identifier: Apache-2.0
#include "client/run_table/run_columns.h"

namespace rhumb {
namespace {

struct FieldColumn {
  absl::string_view field, column;
};

constexpr FieldColumn kFieldColumns[] = {{"num_layers", "layers"},
                                         {"hidden_size", "hidden"},
                                         {"num_attention_heads", "heads"},
                                         {"num_key_value_heads", "kv_heads"},
                                         {"head_dim", "head_dim"},
                                         {"ffn_hidden_size", "ffn"},
                                         {"vocab_size", "vocab"},
                                         {"sequence_length", "seq"},
                                         {"expert_count", "experts"},
                                         {"experts_per_token", "topk"},
                                         {"moe_ffn_hidden_size", "moe_ffn"},
                                         {"shared_expert_ffn_hidden_size", "shared_ffn"},
                                         {"num_moe_layers", "moe_layers"},
                                         {"q_lora_rank", "q_lora"},
                                         {"kv_lora_rank", "kv_lora"},
                                         {"qk_nope_head_dim", "qk_nope"},
                                         {"qk_rope_head_dim", "qk_rope"},
                                         {"v_head_dim", "v_head_dim"},
                                         {"tensor_parallel_size", "tp"},
                                         {"pipeline_parallel_size", "pp"},
                                         {"virtual_pipeline_stages", "vpp"},
                                         {"context_parallel_size", "cp"},
                                         {"expert_parallel_size", "ep"},
                                         {"expert_tensor_parallel_size", "etp"},
                                         {"data_parallel_size", "dp"},
                                         {"micro_batch_size", "mbs"}};

}  // namespace

std::string ColumnOfField(absl::string_view field) {
  for (const FieldColumn& pair : kFieldColumns) {
    if (pair.field == field) return std::string(pair.column);
  }
  return "";
}

void RefuseField(RunCells& cells, const absl::Status& status) {
  if (status.ok()) return;
  const absl::string_view message = status.message();
  cells.Refuse(ColumnOfField(message.substr(0, message.find(' '))), message);
}

}  // namespace rhumb
