// SPDX-License-Identifier: Apache-2.0
#include "client/run_table/run_row.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace rhumb {
namespace {

// A note lists, behind this phrase, options that changed memory or time.
constexpr absl::string_view kOptionsPhrase = "options outside a plain model:";

// Of those the ones that no formula here covers.
constexpr absl::string_view kUnknownOptions[] = {"mtp-num-layers",
                                                 "fine-grained-activation-offloading",
                                                 "perform-rl-step",
                                                 "cuda-graph-impl",
                                                 "optimizer",
                                                 "decoder-first-pipeline-num-layers",
                                                 "decoder-last-pipeline-num-layers",
                                                 "account-for-embedding-in-pipeline-split",
                                                 "account-for-loss-in-pipeline-split",
                                                 "pipeline-model-parallel-layout"};

void CheckOptions(RunCells& cells, const ModelShape& shape) {
  const std::string note = cells.Text("note");
  const size_t start = note.find(std::string(kOptionsPhrase));
  if (start == std::string::npos) return;
  const std::vector<std::string> options = absl::StrSplit(
      note.substr(start + kOptionsPhrase.size()), absl::ByAnyChar(", ;"), absl::SkipEmpty());
  for (const std::string& option : options) {
    if (option == "multi-latent-attention" && !shape.is_mla()) {
      return cells.Refuse("kv_lora", "multi-latent attention without its dimensions");
    }
    for (const absl::string_view unknown : kUnknownOptions) {
      if (option == unknown) {
        return cells.Refuse("note", absl::StrCat("option has no formula here: ", option));
      }
    }
  }
}

}  // namespace

const std::vector<std::string>& RequiredRunColumns() {
  static const auto& columns =
      *new std::vector<std::string>{"layers", "hidden", "heads", "vocab", "seq", "gpu"};
  return columns;
}

const std::vector<std::string>& OptionalRunColumns() {
  static const auto& columns = *new std::vector<std::string>{
      "row_id",      "table",        "model",      "arch",        "params",
      "kv_heads",    "head_dim",     "ffn",        "glu",         "tied",
      "learned_pos", "qkv_bias",     "qk_norm",    "experts",     "topk",
      "moe_ffn",     "shared_ffn",   "moe_layers", "q_lora",      "kv_lora",
      "qk_nope",     "qk_rope",      "v_head_dim", "n_gpus",      "gpus_per_node",
      "tp",          "sp",           "pp",         "vpp",         "cp",
      "ep",          "etp",          "dp",         "shard",       "shard_group",
      "mbs",         "gbs",          "recompute",  "attn",        "precision",
      "grad_bytes",  "compile",      "overlap",    "framework",   "inter_gbps_per_gpu",
      "iter_s",      "tokens_s_gpu", "tflops_gpu", "tflops_kind", "mfu",
      "mem_gib",     "mem_kind",     "alloc_gib",  "source",      "note"};
  return columns;
}

std::optional<MeasuredRun> ReadRunRow(RunCells& cells, const std::vector<Gpu>& gpu_types) {
  MeasuredRun run;
  run.row_id = cells.Text("row_id");
  run.shape = ReadRunShape(cells);
  if (cells.ok()) CheckOptions(cells, run.shape);
  if (cells.ok()) ReadRunLayout(cells, gpu_types, run);
  if (cells.ok()) ReadRunFramework(cells, run);
  if (cells.ok()) ReadRunMeasurements(cells, run);
  if (!cells.ok()) return std::nullopt;
  return run;
}

}  // namespace rhumb
