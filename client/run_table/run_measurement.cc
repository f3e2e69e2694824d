// SPDX-License-Identifier: Apache-2.0
// The columns of a row that say what was measured, and the step's seconds from whichever there is.
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "client/run_table/run_row.h"
#include "planner/units.h"

namespace rhumb {
namespace {

// Training FLOPs a token. Of dense models a given count of parameters goes before that of the
// dimensions: sources round, and count what no column says.
double FlopsPerToken(RunCells& cells, const ModelShape& shape, FlopsConvention convention) {
  const double flops = TrainingFlopsPerToken(shape, convention, ParamCountConvention::kTotal);
  const std::optional<double> given = cells.Number("params", NumberRange::kPositive, true);
  if (!given.has_value() || shape.is_moe()) return flops;
  return flops + 6 * (*given - static_cast<double>(CountParams(shape).total));
}

// Training FLOPs a token that the TFLOP/s of a row count, by `tflops_kind`.
std::optional<double> CountedFlopsPerToken(RunCells& cells, MeasuredRun& run) {
  const std::string kind = cells.Text("tflops_kind");
  const auto flops = [&](FlopsConvention convention) {
    return FlopsPerToken(cells, run.shape, convention);
  };
  const double full = flops(FlopsConvention::kExactFull);
  if (absl::StrContains(kind, "causal")) {
    absl::StrAppend(&run.note, "step from TFLOP/s, causal attention; ");
    return flops(FlopsConvention::kExactCausal);
  }
  if (absl::StartsWith(kind, "hw")) {
    // Hardware FLOPs count the repeated forward pass of the layers, not the head's.
    const double head =
        6 * static_cast<double>(run.shape.vocab_size) * static_cast<double>(run.shape.hidden_size);
    absl::StrAppend(&run.note, "step from hardware TFLOP/s, full-square attention; ");
    return (full - head) * 4 / 3 + head;
  }
  if (kind.empty() || absl::StartsWith(kind, "model")) {
    absl::StrAppend(&run.note, "step from model TFLOP/s, full-square attention; ");
    return full;
  }
  if (kind == "6N" || kind == "6ND") {
    absl::StrAppend(&run.note, "step from TFLOP/s of 6 N a token; ");
    return flops(FlopsConvention::kSixNd);
  }
  absl::StrAppend(&run.note, "step not compared: tflops_kind ", ShownCell(kind),
                  " has no formula; ");
  return std::nullopt;
}

// A peak of a counter that nobody can name is compared with nothing.
bool HasKnownCounter(const RunCells& cells) {
  const std::string kind = cells.Text("mem_kind");
  return kind.empty() || absl::StrContains(kind, "nvidia-smi") ||
         absl::StrContains(kind, "reserved") || absl::StrContains(kind, "allocated");
}

std::optional<double> StepSeconds(RunCells& cells, MeasuredRun& run) {
  const double tokens =
      static_cast<double>(run.global_batch_size) * static_cast<double>(run.shape.sequence_length);
  const double gpus = static_cast<double>(run.layout.gpu_count());
  // 0 is what spreadsheets put where nothing was measured.
  const auto number = [&](absl::string_view column) -> std::optional<double> {
    const std::optional<double> value = cells.Number(column, NumberRange::kNotNegative);
    if (value.has_value() && *value == 0) {
      absl::StrAppend(&run.note, column, " is 0: counted as not printed; ");
    }
    return value.has_value() && *value > 0 ? value : std::nullopt;
  };
  if (const auto seconds = number("iter_s")) return seconds;
  if (const auto rate = number("tokens_s_gpu")) {
    absl::StrAppend(&run.note, "step from tokens/s/GPU; ");
    return tokens / (*rate * gpus);
  }
  if (const auto tflops = number("tflops_gpu")) {
    const std::optional<double> flops = CountedFlopsPerToken(cells, run);
    if (!flops.has_value()) return std::nullopt;
    return tokens * *flops / (*tflops * 1e12 * gpus);
  }
  if (const auto mfu = number("mfu")) {
    if (*mfu > 100) {
      cells.Refuse("mfu", absl::StrCat("is in percent and must be at most 100, got ",
                                       ShownCell(cells.Text("mfu"))));
      return std::nullopt;
    }
    const double flops =
        TrainingFlopsPerToken(run.shape, FlopsConvention::kExactFull, ParamCountConvention::kTotal);
    absl::StrAppend(&run.note, "step from MFU, full-square attention; ");
    return tokens * flops /
           (*mfu / 100 * *PeakFlopsPerSecond(run.gpu, run.layout.precision) * gpus);
  }
  return std::nullopt;
}

}  // namespace

void ReadRunMeasurements(RunCells& cells, MeasuredRun& run) {
  run.out_of_memory = absl::StrContains(cells.Text("note"), "OOM");
  if (run.out_of_memory) return;
  // Functional tests run toys in deterministic mode: their memory is exact, their time is that of
  // kernel launches.
  if (absl::StrContains(cells.Text("source"), "functional_tests")) {
    absl::StrAppend(&run.note, "step time of a functional test is no performance figure; ");
  } else {
    run.step_seconds = StepSeconds(cells, run);
  }
  const std::optional<double> gib = cells.Number("mem_gib", NumberRange::kNotNegative);
  if (gib.has_value() && *gib == 0) {
    absl::StrAppend(&run.note, "mem_gib is 0: counted as not printed; ");
  }
  if (gib.has_value() && *gib > 0 && HasKnownCounter(cells)) run.peak_bytes = *gib * kGibibyte;
}

}  // namespace rhumb
