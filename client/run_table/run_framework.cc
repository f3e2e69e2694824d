// SPDX-License-Identifier: Apache-2.0
// The columns of a row that say which software ran it.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "client/run_table/run_row.h"

namespace rhumb {
namespace {

bool MaterialisesScores(const std::string& attention) {
  return attention == "core" || attention == "unfused";
}

// Whether `words` name a release of Megatron-Bridge from 26.06 on, as in "release 26.08".
bool IsRecentBridge(const std::string& words) {
  constexpr absl::string_view kRelease = "release ";
  const size_t found = words.find(std::string(kRelease));
  if (found == std::string::npos || !absl::StrContains(words, "megatron-bridge")) return false;
  double release;
  return absl::SimpleAtod(words.substr(found + kRelease.size(), 5), &release) && release >= 26.06;
}

// The framework is no column of most tables: it is what `framework` says, or a word of source and
// note, or follows from what the run used.
std::string FrameworkName(const RunCells& cells, const Layout& layout, const std::string& family) {
  if (cells.Has("framework")) return cells.Text("framework");
  const std::string words =
      absl::AsciiStrToLower(absl::StrCat(cells.Text("source"), " ", cells.Text("note")));
  const bool fp16 = layout.precision == Precision::kFp16;
  const bool fully_sharded =
      layout.zero_stage == 3 || absl::StartsWith(cells.Text("shard"), "fsdp");
  const bool overlaps = !cells.Text("overlap").empty();
  if (absl::StrContains(words, "nanotron")) return "nanotron";
  if (absl::StrContains(words, "llm-foundry")) return "llm-foundry";
  if (absl::StrContains(words, "nvidia/nemo ")) return "nemo";
  if (absl::StrContains(words, "torchtitan") || (fully_sharded && cells.Text("compile") == "1")) {
    return "torchtitan";
  }
  if (fully_sharded && fp16) return "deepspeed";
  if (fully_sharded && !overlaps) return "fsdp";
  if (absl::StrContains(words, "deepspeed") || absl::StrContains(words, "bigscience")) {
    return "megatron-deepspeed";
  }
  if (MaterialisesScores(cells.Text("attn")) && fp16 && !overlaps) return "megatron-lm";
  if (family == "blackwell" && IsRecentBridge(words)) return "megatron-26.06";
  return "megatron";
}

void ReadAttention(RunCells& cells, MeasuredRun& run) {
  const std::string text = cells.Text("attn");
  Attention& attention = run.profile.attention;
  const bool has_cudnn = run.gpu.family != "ampere" && run.gpu.family != "volta";
  if (!cells.Has("attn")) {
    absl::StrAppend(&run.note, "attention kernel not printed; ");
  } else if (text == "core") {
    attention = Attention::kCore;
  } else if (text == "unfused") {
    attention = Attention::kUnfused;
  } else if (text == "cudnn" || text == "flash3") {
    attention = Attention::kCudnn;
  } else if (text == "flash2") {
    attention = Attention::kFlash;
  } else if (text == "flash") {
    // Megatron takes cuDNN's kernels where there are any.
    const bool cudnn = run.profile.attention == Attention::kCudnn && has_cudnn;
    attention = cudnn ? Attention::kCudnn : Attention::kFlash;
  } else {
    cells.Refuse("attn", absl::StrCat("must be flash, flash2, flash3, cudnn, core or unfused, got ",
                                      ShownCell(text)));
  }
}

void ReadOverlap(RunCells& cells, MeasuredRun& run) {
  const std::string text = cells.Text("overlap");
  const std::vector<std::string> items =
      absl::StrSplit(text, absl::ByAnyChar(", "), absl::SkipEmpty());
  const auto has = [&](absl::string_view word) {
    return std::find(items.begin(), items.end(), std::string(word)) != items.end();
  };
  run.profile.overlaps_tensor_parallel = has("tp") || has("async_tp") || has("tp-comm-overlap");
  run.profile.overlaps_pipeline = has("pp");
  // Full sharding prefetches whatever the row says.
  if (run.layout.zero_stage < 3) {
    run.profile.overlaps_data_parallel = has("dp") || has("overlap-grad-reduce");
  }
}

void ReadGradients(RunCells& cells, FrameworkProfile& profile) {
  const std::optional<double> bytes = cells.Number("grad_bytes", NumberRange::kPositive);
  if (!bytes.has_value()) return;
  if (*bytes > 8) return cells.Refuse("grad_bytes", "must be at most 8 bytes a parameter");
  // DeepSpeed's bf16 optimizer accumulates gradients in fp32 beside the 16-bit ones, which then are
  // not part of the optimizer's fp32 copies.
  if (profile.name == "megatron-deepspeed" && *bytes >= 4) {
    profile.optimizer_bytes = 12;
    profile.step_optimizer_bytes = 0;
  }
  profile.gradient_bytes = *bytes;
}

void ReadCounter(RunCells& cells, MeasuredRun& run) {
  const std::string text = cells.Text("mem_kind");
  MemoryCounter& counter = run.profile.counter;
  if (absl::StrContains(text, "nvidia-smi")) {
    counter = MemoryCounter::kNvidiaSmi;
  } else if (absl::StrContains(text, "reserved")) {
    counter = MemoryCounter::kReserved;
  } else if (absl::StrContains(text, "allocated")) {
    counter = MemoryCounter::kAllocated;
  } else if (cells.Has("mem_gib")) {
    absl::StrAppend(&run.note, text.empty() ? "memory counter not printed; "
                                            : absl::StrCat("peak not compared: mem_kind ",
                                                           ShownCell(text), " has no formula; "));
  }
  run.peak_of_last_stage = absl::StrContains(text, "last rank");
}

}  // namespace

void ReadRunFramework(RunCells& cells, MeasuredRun& run) {
  absl::StatusOr<FrameworkProfile> profile =
      FindFrameworkProfile(FrameworkName(cells, run.layout, run.gpu.family));
  if (!profile.ok()) return cells.RefuseIf("framework", profile.status());
  run.profile = *std::move(profile);
  if (!cells.Has("framework")) {
    absl::StrAppend(&run.note, "framework not printed: ", run.profile.name, " taken; ");
  }
  if (absl::StartsWith(cells.Text("recompute"), "sac_op")) {
    run.profile.selective_recompute = SelectiveRecompute::kOperators;
  }
  ReadAttention(cells, run);
  if (cells.Has("compile")) run.profile.compiled = cells.Switch("compile", run.profile.compiled);
  ReadOverlap(cells, run);
  ReadGradients(cells, run.profile);
  ReadCounter(cells, run);
}

}  // namespace rhumb
