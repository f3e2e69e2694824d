// SPDX-License-Identifier: Apache-2.0
// The columns of a row that say where the model ran and how it lay on the GPUs.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "client/run_table/run_columns.h"
#include "client/run_table/run_row.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/cost/hardware.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// No machine has more GPUs; products of sizes below it stay whole.
constexpr double kMostGpus = 1e7;

// Sequences of a rank and step where neither batch is printed: every micro-batch that is tried
// divides it.
constexpr int64_t kNotionalSequences = 48;

void ReadGpu(RunCells& cells, const std::vector<Gpu>& gpu_types, MeasuredRun& run) {
  if (!cells.Has("gpu")) return cells.Refuse("gpu", "is empty; every row needs it");
  absl::StatusOr<Gpu> gpu = FindGpu(cells.Text("gpu"), gpu_types);
  if (!gpu.ok()) return cells.RefuseIf("gpu", gpu.status());
  run.gpu = *std::move(gpu);
  run.fabric.gpus_per_node = cells.Count("gpus_per_node", 1, DefaultGpusPerNode(run.gpu));
  const std::optional<double> gbps = cells.Number("inter_gbps_per_gpu", NumberRange::kNotNegative);
  // 0 is what spreadsheets put where nothing is known; a fabric without a figure has it too.
  if (gbps.has_value() && *gbps == 0) {
    absl::StrAppend(&run.note, "inter_gbps_per_gpu is 0: the network typical of the GPU taken; ");
  }
  run.fabric.inter_node_bytes_per_second_per_gpu = gbps.value_or(0) * kBytesPerSecondPerGigabit;
}

void ReadPrecision(RunCells& cells, MeasuredRun& run) {
  std::string text = cells.Text("precision");
  if (absl::StartsWith(text, "amp_")) text = text.substr(4);
  Precision& precision = run.layout.precision;
  if (!cells.Has("precision")) {
    precision = Precision::kBf16;
    absl::StrAppend(&run.note, "precision not printed: bf16 taken; ");
  } else if (absl::StartsWith(text, "bf16")) {
    precision = Precision::kBf16;
  } else if (absl::StartsWith(text, "fp16")) {
    precision = Precision::kFp16;
  } else if (absl::StartsWith(text, "fp8")) {
    precision = Precision::kFp8;
  } else if (absl::StartsWith(text, "mxfp8")) {
    precision = Precision::kMxfp8;
  } else if (absl::StartsWith(text, "nvfp4")) {
    precision = Precision::kNvfp4;
  } else {
    return cells.Refuse("precision", absl::StrCat("must be fp16, bf16, fp8, mxfp8 or nvfp4, got ",
                                                  ShownCell(text)));
  }
  if (!PeakFlopsPerSecond(run.gpu, precision).has_value()) {
    cells.Refuse("precision", absl::StrCat("no peak known for precision ",
                                           text.empty() ? "bf16" : text, " on ", run.gpu.id));
  }
}

// ZeRO stage of the `shard` column.
int64_t ReadZeroStage(RunCells& cells) {
  const std::string shard = cells.Text("shard");
  if (shard.empty() || shard == "none") return 0;
  if (shard == "zero1") return 1;
  if (shard == "zero2") return 2;
  if (shard == "zero3") return 3;
  if (absl::StartsWith(shard, "fsdp")) {
    if (shard == "fsdp" || absl::StrContains(shard, "params") || absl::StrContains(shard, "full")) {
      return 3;
    }
    if (absl::StrContains(shard, "grads")) return 2;
    if (absl::StrContains(shard, "optim")) return 1;
  }
  cells.Refuse("shard", absl::StrCat("must be none, zero1, zero2, zero3, fsdp or fsdp: with some "
                                     "of optim, grads and params, got ",
                                     ShownCell(shard)));
  return 0;
}

void ReadSizes(RunCells& cells, MeasuredRun& run) {
  Layout& layout = run.layout;
  layout.zero_stage = ReadZeroStage(cells);
  layout.tensor_parallel_size = cells.Count("tp", 1, 1);
  layout.pipeline_parallel_size = cells.Count("pp", 1, 1);
  layout.context_parallel_size = cells.Count("cp", 1, 1);
  layout.expert_parallel_size = cells.Count("ep", 1, 1);
  layout.expert_tensor_parallel_size = cells.Count("etp", 1, 1);
  layout.sequence_parallel = cells.Switch("sp", false);
  const double model_ranks = static_cast<double>(layout.tensor_parallel_size) *
                             static_cast<double>(layout.pipeline_parallel_size) *
                             static_cast<double>(layout.context_parallel_size);
  const int64_t gpus = cells.Count("n_gpus", 1, 0);
  if (gpus == 0 && !cells.Has("dp")) {
    return cells.Refuse("n_gpus", "is empty, and so is dp; every row needs one of them");
  }
  layout.data_parallel_size = cells.Count(
      "dp", 1, std::max<int64_t>(1, static_cast<int64_t>(static_cast<double>(gpus) / model_ranks)));
  if (model_ranks * static_cast<double>(layout.data_parallel_size) > kMostGpus) {
    return cells.Refuse("tp", "tp * pp * cp * dp is more GPUs than any machine has");
  }
  if (gpus > 0 && layout.gpu_count() != gpus) {
    return cells.Refuse("n_gpus", absl::StrCat("tp * pp * cp * dp is ", layout.gpu_count(),
                                               " but n_gpus is ", gpus));
  }
  const int64_t shard_ranks = layout.data_parallel_size * layout.context_parallel_size;
  const int64_t group = cells.Count("shard_group", 1, shard_ranks);
  if (layout.zero_stage > 0 && group != shard_ranks) {
    cells.Refuse("shard_group", absl::StrCat("sharding over ", group, " of ", shard_ranks,
                                             " ranks has no formula here"));
  }
}

void ReadBatch(RunCells& cells, MeasuredRun& run) {
  Layout& layout = run.layout;
  const bool pipelined = layout.pipeline_parallel_size > 1;
  run.virtual_stages_unknown = pipelined && !cells.Text("vpp").empty() && !cells.Has("vpp");
  layout.virtual_pipeline_stages = cells.Count("vpp", 1, 1);
  const int64_t micro_batch = cells.Count("mbs", 0, 0);
  run.micro_batch_unknown = micro_batch == 0;
  layout.micro_batch_size = std::max<int64_t>(1, micro_batch);
  if (run.micro_batch_unknown) absl::StrAppend(&run.note, "micro-batch not printed; ");
  if (run.virtual_stages_unknown) absl::StrAppend(&run.note, "interleaving not printed; ");
  if (cells.Has("gbs")) {
    run.global_batch_size = cells.Count("gbs", 1, 1);
  } else if (!run.micro_batch_unknown) {
    run.global_batch_size = layout.micro_batch_size * layout.data_parallel_size;
    absl::StrAppend(&run.note, "gbs not printed: one micro-batch a step; ");
  } else if (!cells.Has("iter_s")) {
    // A rate needs no step of its own: measured and predicted are of the same notional one.
    run.global_batch_size = kNotionalSequences * layout.data_parallel_size;
    absl::StrAppend(&run.note, "gbs not printed: step of ", kNotionalSequences,
                    " sequences a rank; ");
  } else {
    cells.Refuse("gbs", "is empty, and so is mbs; a step needs one of them");
  }
}

void ReadRecompute(RunCells& cells, MeasuredRun& run) {
  const std::string text = cells.Text("recompute");
  if (!cells.Has("recompute")) {
    run.recompute_unknown = true;
    absl::StrAppend(&run.note, "recompute not printed; ");
  } else if (text == "none") {
    run.layout.recompute = Recompute::kNone;
  } else if (text == "full") {
    run.layout.recompute = Recompute::kFull;
  } else if (text == "selective" || absl::StartsWith(text, "sac_op")) {
    run.layout.recompute = Recompute::kSelective;
  } else if (absl::StartsWith(text, "sac_layer")) {
    double every;
    if (!absl::SimpleAtod(text.substr(9), &every) || !(every >= 1) || every > kMostGpus) {
      return cells.Refuse("recompute", absl::StrCat("sac_layerK needs a number K of at least 1, "
                                                    "got ",
                                                    ShownCell(text)));
    }
    run.full_recompute_share = 1 / every;
    run.layout.recompute = Recompute::kFull;
  } else {
    cells.Refuse("recompute", absl::StrCat("has no formula here: ", ShownCell(text)));
  }
}

}  // namespace

void ReadRunLayout(RunCells& cells, const std::vector<Gpu>& gpu_types, MeasuredRun& run) {
  ReadGpu(cells, gpu_types, run);
  if (!cells.ok()) return;
  ReadPrecision(cells, run);
  ReadSizes(cells, run);
  ReadBatch(cells, run);
  ReadRecompute(cells, run);
  if (cells.ok()) RefuseField(cells, ValidateRunnableLayout(run.shape, run.layout));
}

}  // namespace rhumb
