// SPDX-License-Identifier: Apache-2.0
#include "tests/accuracy/measured_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"
#include "planner/units.h"

namespace rhumb::accuracy {
namespace {

std::string Text(const CsvRecord& record, const char* column) {
  const auto it = record.find(column);
  return it == record.end() ? "" : std::string(absl::StripAsciiWhitespace(it->second));
}

// Number in `column`; absent when empty, "unk" or not a number.
std::optional<double> Number(const CsvRecord& record, const char* column) {
  double value;
  if (!absl::SimpleAtod(Text(record, column), &value)) return std::nullopt;
  return value;
}

int64_t Integer(const CsvRecord& record, const char* column, int64_t fallback) {
  const std::optional<double> value = Number(record, column);
  return value.has_value() ? static_cast<int64_t>(std::llround(*value)) : fallback;
}

absl::StatusOr<ModelShape> ShapeOf(const CsvRecord& record) {
  const std::string arch = Text(record, "arch");
  if (arch == "hybrid")
    return absl::InvalidArgumentError("arch hybrid: state-space layers have no formulas here");
  ModelShape shape;
  shape.name = Text(record, "model");
  shape.num_layers = Integer(record, "layers", 0);
  shape.hidden_size = Integer(record, "hidden", 0);
  shape.num_attention_heads = Integer(record, "heads", 0);
  shape.num_key_value_heads = Integer(record, "kv_heads", shape.num_attention_heads);
  if (shape.num_layers <= 0 || shape.hidden_size <= 0 || shape.num_attention_heads <= 0) {
    return absl::InvalidArgumentError("layers, hidden and heads are needed");
  }
  shape.head_dim = Integer(record, "head_dim", shape.hidden_size / shape.num_attention_heads);
  shape.ffn_hidden_size = Integer(record, "ffn", 4 * shape.hidden_size);
  shape.gated = Integer(record, "glu", 0) == 1;
  shape.tied_embeddings = Integer(record, "tied", 0) == 1;
  shape.vocab_size = Integer(record, "vocab", 0);
  shape.sequence_length = Integer(record, "seq", 0);
  if (shape.vocab_size <= 0 || shape.sequence_length <= 0) {
    return absl::InvalidArgumentError("vocab and seq are needed");
  }
  if (Integer(record, "learned_pos", 0) == 1) shape.learned_position_count = shape.sequence_length;
  // Models without gated MLPs are of the GPT-2 and GPT-3 kind: biases and LayerNorm.
  if (!shape.gated) {
    shape.norm_type = NormType::kLayerNorm;
    shape.qkv_bias = shape.attention_output_bias = shape.mlp_bias = true;
  }
  if (Integer(record, "qkv_bias", 0) == 1) shape.qkv_bias = true;
  if (Integer(record, "qk_norm", 0) == 1) shape.qk_norm_param_count = 2 * shape.head_dim;
  if (arch == "moe" || arch == "mla_moe") {
    shape.expert_count = Integer(record, "experts", 0);
    shape.experts_per_token = Integer(record, "topk", 1);
    shape.moe_ffn_hidden_size = Integer(record, "moe_ffn", shape.ffn_hidden_size);
    shape.shared_expert_ffn_hidden_size = Integer(record, "shared_ffn", 0);
    shape.num_moe_layers = Integer(record, "moe_layers", shape.num_layers);
    if (shape.expert_count <= 0)
      return absl::InvalidArgumentError("experts is needed for arch moe");
  }
  shape.kv_lora_rank = Integer(record, "kv_lora", 0);
  if (shape.kv_lora_rank > 0) {
    shape.q_lora_rank = Integer(record, "q_lora", 0);
    shape.qk_nope_head_dim = Integer(record, "qk_nope", 0);
    shape.qk_rope_head_dim = Integer(record, "qk_rope", 0);
    shape.v_head_dim = Integer(record, "v_head_dim", 0);
  } else if (arch == "mla_moe") {
    return absl::InvalidArgumentError("arch mla_moe needs kv_lora and the head dimensions");
  }
  return shape;
}

bool HasToken(const std::string& list, const char* token) {
  const std::vector<std::string> items =
      absl::StrSplit(list, absl::ByAnyChar(", "), absl::SkipEmpty());
  return std::find(items.begin(), items.end(), token) != items.end();
}

// The framework is not a column: it is named by a `framework` column where a table has one, by the
// words of source and note, or follows from what the run used.
absl::StatusOr<FrameworkProfile> ProfileOf(const CsvRecord& record, const std::string& family) {
  const std::string words =
      absl::AsciiStrToLower(absl::StrCat(Text(record, "source"), " ", Text(record, "note")));
  const std::string attention = Text(record, "attn");
  const std::string shard = Text(record, "shard");
  const std::string overlap = Text(record, "overlap");
  const bool fp16 = Text(record, "precision") == "fp16";
  const bool scores = attention == "core" || attention == "unfused";
  const bool fully_sharded = shard == "zero3" || absl::StartsWith(shard, "fsdp");
  std::string name = Text(record, "framework");
  if (name.empty()) {
    if (absl::StrContains(words, "nanotron")) {
      name = "nanotron";
    } else if (absl::StrContains(words, "torchtitan") ||
               (fully_sharded && Text(record, "compile") == "1")) {
      name = "torchtitan";
    } else if (fully_sharded && fp16) {
      name = "deepspeed";
    } else if (fully_sharded && overlap.empty()) {
      name = "fsdp";
    } else if (absl::StrContains(words, "deepspeed") || absl::StrContains(words, "bigscience")) {
      name = "megatron-deepspeed";
    } else if (scores && fp16 && overlap.empty()) {
      name = "megatron-lm";
    } else {
      name = "megatron";
    }
  }
  RHUMB_ASSIGN_OR_RETURN(FrameworkProfile profile, FindFrameworkProfile(name));
  if (attention == "core") profile.attention = Attention::kCore;
  if (attention == "unfused") profile.attention = Attention::kUnfused;
  if (attention == "flash" && scores != (profile.attention == Attention::kCore) &&
      name != "megatron") {
    profile.attention = Attention::kFlash;
  }
  if (attention == "flash" && name == "megatron") {
    profile.attention =
        family == "ampere" || family == "volta" ? Attention::kFlash : Attention::kCudnn;
  }
  if (const std::string compile = Text(record, "compile"); !compile.empty())
    profile.compiled = compile == "1";
  profile.overlaps_tensor_parallel = HasToken(overlap, "tp") || HasToken(overlap, "async_tp") ||
                                     HasToken(overlap, "tp-comm-overlap");
  profile.overlaps_pipeline = HasToken(overlap, "pp");
  if (!fully_sharded) {
    profile.overlaps_data_parallel =
        HasToken(overlap, "dp") || HasToken(overlap, "overlap-grad-reduce");
  }
  // DeepSpeed's bf16 optimizer accumulates gradients in fp32 beside the 16-bit ones, which then are
  // not part of the optimizer's fp32 copies.
  if (name == "megatron-deepspeed" && Number(record, "grad_bytes").value_or(2) >= 4) {
    profile.gradient_bytes = *Number(record, "grad_bytes");
    profile.optimizer_bytes = 12;
  }
  const std::string counter = Text(record, "mem_kind");
  if (absl::StartsWith(counter, "nvidia-smi")) profile.counter = MemoryCounter::kNvidiaSmi;
  if (absl::StrContains(counter, "reserved")) profile.counter = MemoryCounter::kReserved;
  if (absl::StrContains(counter, "allocated")) profile.counter = MemoryCounter::kAllocated;
  return profile;
}

absl::StatusOr<Precision> PrecisionOf(std::string text) {
  for (const char* prefix : {"amp_"}) {
    if (absl::StartsWith(text, prefix)) text = text.substr(4);
  }
  if (absl::StartsWith(text, "bf16") || text.empty()) return Precision::kBf16;
  if (absl::StartsWith(text, "fp16")) return Precision::kFp16;
  if (absl::StartsWith(text, "fp8")) return Precision::kFp8;
  if (text == "mxfp8") return Precision::kMxfp8;
  if (text == "nvfp4") return Precision::kNvfp4;
  return absl::InvalidArgumentError(
      absl::StrCat("precision must be fp16, bf16, fp8, mxfp8 or nvfp4, got ", text));
}

// ZeRO stage of the `shard` column.
absl::StatusOr<int64_t> ZeroStageOf(const std::string& shard) {
  if (shard.empty() || shard == "none") return 0;
  if (shard == "zero1") return 1;
  if (shard == "zero2") return 2;
  if (shard == "zero3") return 3;
  if (absl::StartsWith(shard, "fsdp")) {
    if (absl::StrContains(shard, "params") || shard == "fsdp" || absl::StrContains(shard, "full"))
      return 3;
    if (absl::StrContains(shard, "grads")) return 2;
    return 1;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("shard must be none, zero1, zero2, zero3 or fsdp:*, got ", shard));
}

absl::Status SetRecompute(const std::string& text, MeasuredRow* row) {
  if (text == "none") {
    row->layout.recompute = Recompute::kNone;
  } else if (text == "full") {
    row->layout.recompute = Recompute::kFull;
  } else if (text == "selective" || absl::StartsWith(text, "sac_op")) {
    row->layout.recompute = Recompute::kSelective;
    if (absl::StartsWith(text, "sac_op"))
      row->profile.selective_recompute = SelectiveRecompute::kOperators;
  } else if (absl::StartsWith(text, "sac_layer")) {
    double every;
    if (!absl::SimpleAtod(text.substr(9), &every) || every < 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("recompute sac_layerK needs a number K of at least 1, got ", text));
    }
    row->full_recompute_share = 1 / every;
    row->layout.recompute = Recompute::kFull;
  } else if (text.empty() || absl::StartsWith(text, "unk")) {
    row->recompute_unknown = true;
    absl::StrAppend(&row->note, "recompute not printed; ");
  } else {
    return absl::InvalidArgumentError(absl::StrCat("recompute has no formula here: ", text));
  }
  return absl::OkStatus();
}

// Options that change memory or time in ways no formula here covers; a note lists them after a
// fixed phrase.
absl::Status CheckOptions(const CsvRecord& record, const ModelShape& shape) {
  const std::string note = Text(record, "note");
  constexpr absl::string_view kPhrase = "options outside a plain model:";
  const size_t start = note.find(std::string(kPhrase));
  if (start == std::string::npos) return absl::OkStatus();
  const std::vector<std::string> options = absl::StrSplit(
      note.substr(start + kPhrase.size()), absl::ByAnyChar(", ;"), absl::SkipEmpty());
  for (const std::string& option : options) {
    const bool latent_unknown = option == "multi-latent-attention" && !shape.is_mla();
    if (latent_unknown)
      return absl::InvalidArgumentError("multi-latent attention without its dimensions (kv_lora)");
    for (const char* unknown :
         {"mtp-num-layers", "fine-grained-activation-offloading", "perform-rl-step",
          "cuda-graph-impl", "optimizer", "decoder-first-pipeline-num-layers",
          "decoder-last-pipeline-num-layers", "account-for-embedding-in-pipeline-split",
          "account-for-loss-in-pipeline-split", "pipeline-model-parallel-layout"}) {
      if (option == unknown)
        return absl::InvalidArgumentError(absl::StrCat("option has no formula here: ", option));
    }
  }
  return absl::OkStatus();
}

// Seconds of a step from what the row prints; the convention goes into the note.
std::optional<double> StepSecondsOf(const CsvRecord& record, MeasuredRow* row) {
  const double tokens =
      static_cast<double>(row->global_batch_size) * static_cast<double>(row->shape.sequence_length);
  const double gpus = static_cast<double>(row->layout.gpu_count());
  if (const auto seconds = Number(record, "iter_s"); seconds.has_value() && *seconds > 0)
    return seconds;
  if (const auto rate = Number(record, "tokens_s_gpu"); rate.has_value() && *rate > 0) {
    absl::StrAppend(&row->note, "step from tokens/s/GPU; ");
    return tokens / (*rate * gpus);
  }
  double flops =
      TrainingFlopsPerToken(row->shape, FlopsConvention::kExactFull, ParamCountConvention::kTotal);
  if (const auto tflops = Number(record, "tflops_gpu"); tflops.has_value() && *tflops > 0) {
    if (absl::StartsWith(Text(record, "tflops_kind"), "hw")) {
      // Hardware FLOPs count the repeated forward pass of the layers, not the head's.
      const double head = 6 * static_cast<double>(row->shape.vocab_size) *
                          static_cast<double>(row->shape.hidden_size);
      flops = (flops - head) * 4 / 3 + head;
    }
    absl::StrAppend(&row->note, "step from TFLOP/s, full-square attention; ");
    return tokens * flops / (*tflops * 1e12 * gpus);
  }
  if (const auto mfu = Number(record, "mfu"); mfu.has_value() && *mfu > 0) {
    const auto peak = PeakFlopsPerSecond(row->gpu, row->layout.precision);
    if (peak.has_value()) {
      absl::StrAppend(&row->note, "step from MFU, full-square attention; ");
      return tokens * flops / (*mfu / 100 * *peak * gpus);
    }
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<MeasuredRow> ParseMeasuredRow(const CsvRecord& record) {
  MeasuredRow row;
  row.row_id = Text(record, "row_id");
  RHUMB_ASSIGN_OR_RETURN(row.shape, ShapeOf(record));
  RHUMB_RETURN_IF_ERROR(CheckOptions(record, row.shape));
  RHUMB_ASSIGN_OR_RETURN(row.gpu, FindGpu(Text(record, "gpu")));
  RHUMB_ASSIGN_OR_RETURN(row.profile, ProfileOf(record, row.gpu.family));
  row.fabric.gpus_per_node = Integer(record, "gpus_per_node", 8);
  row.fabric.inter_node_bytes_per_second_per_gpu =
      Number(record, "inter_gbps_per_gpu").value_or(0) * kBytesPerSecondPerGigabit;

  Layout& layout = row.layout;
  RHUMB_ASSIGN_OR_RETURN(layout.precision, PrecisionOf(Text(record, "precision")));
  if (!PeakFlopsPerSecond(row.gpu, layout.precision).has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("no peak known for precision ",
                                                   Text(record, "precision"), " on ", row.gpu.id));
  }
  RHUMB_ASSIGN_OR_RETURN(layout.zero_stage, ZeroStageOf(Text(record, "shard")));
  layout.tensor_parallel_size = Integer(record, "tp", 1);
  layout.pipeline_parallel_size = Integer(record, "pp", 1);
  layout.context_parallel_size = Integer(record, "cp", 1);
  layout.expert_parallel_size = Integer(record, "ep", 1);
  layout.expert_tensor_parallel_size = Integer(record, "etp", 1);
  layout.sequence_parallel = Integer(record, "sp", 0) == 1;
  const int64_t gpus = Integer(record, "n_gpus", 0);
  const int64_t model_ranks =
      std::max<int64_t>(1, layout.tensor_parallel_size * layout.pipeline_parallel_size *
                               layout.context_parallel_size);
  layout.data_parallel_size = Integer(record, "dp", std::max<int64_t>(1, gpus / model_ranks));
  if (gpus > 0 && layout.gpu_count() != gpus) {
    return absl::InvalidArgumentError(
        absl::StrCat("tp * pp * cp * dp is ", layout.gpu_count(), " but n_gpus is ", gpus));
  }
  row.virtual_stages_unknown =
      !Number(record, "vpp").has_value() && absl::StartsWith(Text(record, "vpp"), "unk");
  layout.virtual_pipeline_stages = Integer(record, "vpp", 1);
  const int64_t micro_batch = Integer(record, "mbs", 0);
  row.micro_batch_unknown = micro_batch <= 0;
  layout.micro_batch_size = std::max<int64_t>(1, micro_batch);
  if (row.micro_batch_unknown) absl::StrAppend(&row.note, "micro-batch not printed; ");
  if (row.virtual_stages_unknown) absl::StrAppend(&row.note, "interleaving not printed; ");
  row.global_batch_size =
      Integer(record, "gbs", layout.micro_batch_size * layout.data_parallel_size);
  RHUMB_RETURN_IF_ERROR(SetRecompute(Text(record, "recompute"), &row));
  RHUMB_RETURN_IF_ERROR(ValidateRunnableLayout(row.shape, layout));

  row.out_of_memory = absl::StrContains(Text(record, "note"), "OOM");
  if (row.out_of_memory) return row;
  // Functional tests run toys in deterministic mode: their memory is exact, their time is that of
  // kernel launches.
  if (absl::StrContains(Text(record, "source"), "functional_tests")) {
    absl::StrAppend(&row.note, "step time of a functional test is no performance figure; ");
  } else {
    row.step_seconds = StepSecondsOf(record, &row);
  }
  if (const auto gib = Number(record, "mem_gib"); gib.has_value() && *gib > 0)
    row.peak_bytes = *gib * kGibibyte;
  row.peak_of_last_stage = absl::StrContains(Text(record, "mem_kind"), "last rank");
  return row;
}

}  // namespace rhumb::accuracy
