// SPDX-License-Identifier: Apache-2.0
#include "planner/cost/measured_run.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace rhumb {
namespace {

// What is tried where a source does not print it: micro-batches that recipes use, and every number
// of virtual stages up to this one that the layers allow.
constexpr std::array<int64_t, 7> kMicroBatches = {1, 2, 3, 4, 6, 8, 16};
constexpr int64_t kMostVirtualStages = 64;

// One way to fill in the unknowns.
struct Candidate {
  double step_seconds = std::numeric_limits<double>::infinity();
  double peak_bytes = 0;
  double device_bytes = 0;  // of the fullest rank, as the device counts
  Layout layout;
  double full_share = 0;  // of what full recompute drops, where recompute was not known
};

class RunEvaluator {
 public:
  RunEvaluator(const MeasuredRun& run, const TimeConstants& constants)
      : run_(run),
        model_(run.shape, run.gpu, run.fabric, run.profile, constants),
        device_(run.profile),
        capacity_(static_cast<double>(run.gpu.memory_bytes)) {
    device_.counter = MemoryCounter::kNvidiaSmi;
  }

  Candidate Evaluate(const Layout& layout) const {
    if (!run_.recompute_unknown && !run_.full_recompute_share.has_value()) {
      return EvaluateWith(layout, run_.layout.recompute);
    }
    // Memory adds up over what is kept and what is redone.
    const Candidate kept = EvaluateWith(layout, Recompute::kNone);
    const Candidate repeated = EvaluateWith(layout, Recompute::kFull);
    double share = run_.full_recompute_share.value_or(0);
    if (run_.recompute_unknown && kept.device_bytes > capacity_ &&
        repeated.device_bytes < kept.device_bytes) {
      share = std::min(
          1.0, (kept.device_bytes - capacity_) / (kept.device_bytes - repeated.device_bytes));
    }
    const auto mixed = [&](double Candidate::*what) {
      return share * repeated.*what + (1 - share) * kept.*what;
    };
    Candidate candidate = share > 0 ? repeated : kept;
    // So does time over layers that are redone as a whole. Who may choose redoes first what is
    // cheap by the byte (norms, activation functions) and GEMMs last: the cost of a further byte
    // grows with those before it, so that the sum grows with the square.
    const double redone = run_.recompute_unknown ? share * share : share;
    candidate.step_seconds = redone * repeated.step_seconds + (1 - redone) * kept.step_seconds;
    candidate.peak_bytes = mixed(&Candidate::peak_bytes);
    candidate.device_bytes = mixed(&Candidate::device_bytes);
    candidate.full_share = share;
    return candidate;
  }

  // The margin is for what interpolation rounds.
  bool Fits(const Candidate& candidate) const {
    return candidate.device_bytes <= capacity_ * (1 + 1e-9);
  }
  bool FitsP95(const Candidate& candidate) const {
    return UpperMemoryBytes(candidate.device_bytes) <= capacity_;
  }

 private:
  Candidate EvaluateWith(Layout layout, Recompute recompute) const {
    layout.recompute = recompute;
    const int64_t per_pass = layout.micro_batch_size * layout.data_parallel_size;
    const int64_t passes = (run_.global_batch_size + per_pass - 1) / per_pass;
    const MemoryEstimate memory = model_.Memory(layout, passes, /*with_stages=*/false);
    Candidate candidate;
    candidate.layout = layout;
    candidate.step_seconds = model_.Step(layout).StepSeconds(passes);
    candidate.peak_bytes = memory.peak_bytes;
    if (run_.peak_of_last_stage) {
      const StageMemory last =
          model_.MemoryOfStage(layout, passes, layout.pipeline_parallel_size - 1);
      candidate.peak_bytes = CounterBytes(run_.profile, last.total_bytes());
    }
    candidate.device_bytes = CounterBytes(device_, memory.peak.total_bytes());
    return candidate;
  }

  const MeasuredRun& run_;
  CostModel model_;
  FrameworkProfile device_;
  double capacity_;
};

// Whether a framework would accept values that were not printed; printed ones were run.
bool IsAcceptable(const MeasuredRun& run, const Layout& layout) {
  const int64_t per_pass = layout.micro_batch_size * layout.data_parallel_size;
  if (run.micro_batch_unknown && run.global_batch_size % per_pass != 0) return false;
  if (!run.virtual_stages_unknown) return true;
  const bool interleaves = layout.virtual_pipeline_stages > 1;
  return ValidateLayout(run.shape, layout).ok() &&
         (!interleaves || run.global_batch_size / per_pass % layout.pipeline_parallel_size == 0);
}

std::string NoteOf(const MeasuredRun& run, const Candidate& best) {
  std::string note = run.note;
  if (run.micro_batch_unknown) {
    absl::StrAppend(&note, "micro-batch ", best.layout.micro_batch_size, " taken; ");
  }
  if (run.virtual_stages_unknown) {
    absl::StrAppend(&note, best.layout.virtual_pipeline_stages, " virtual stages taken; ");
  }
  if (run.recompute_unknown) {
    absl::StrAppend(&note, "recompute of ", std::llround(100 * best.full_share),
                    "% of the activations taken; ");
  }
  return note;
}

}  // namespace

RunPrediction PredictRun(const MeasuredRun& run, const TimeConstants& constants) {
  const RunEvaluator evaluator(run, constants);
  const std::array<int64_t, 1> micro_batch = {run.layout.micro_batch_size};
  const absl::Span<const int64_t> micro_batches =
      run.micro_batch_unknown ? absl::Span<const int64_t>(kMicroBatches) : micro_batch;
  int64_t least_stages = run.layout.virtual_pipeline_stages;
  int64_t most_stages = least_stages;
  if (run.virtual_stages_unknown) {
    least_stages = 1;
    most_stages = std::clamp<int64_t>(run.shape.num_layers / run.layout.pipeline_parallel_size, 1,
                                      kMostVirtualStages);
  }
  Candidate best = {.layout = run.layout};
  bool best_fits = false;
  for (const int64_t size : micro_batches) {
    for (int64_t stages = least_stages; stages <= most_stages; ++stages) {
      Layout layout = run.layout;
      layout.micro_batch_size = size;
      layout.virtual_pipeline_stages = stages;
      if (!IsAcceptable(run, layout)) continue;
      const Candidate candidate = evaluator.Evaluate(layout);
      const bool fits = evaluator.Fits(candidate);
      if ((fits && !best_fits) ||
          (fits == best_fits && candidate.step_seconds < best.step_seconds)) {
        best = candidate;
        best_fits = fits;
      }
    }
  }
  // No value that was tried divides the batch: what was given, as it stands.
  if (std::isinf(best.step_seconds)) {
    best = evaluator.Evaluate(run.layout);
    best_fits = evaluator.Fits(best);
  }
  return {.step_seconds = best.step_seconds,
          .peak_bytes = best.peak_bytes,
          .p95_bytes = UpperMemoryBytes(best.peak_bytes),
          .fits = best_fits,
          .fits_p95 = evaluator.FitsP95(best),
          .layout = best.layout,
          .note = NoteOf(run, best)};
}

RunPrediction PredictRun(const MeasuredRun& run) {
  return PredictRun(run, TimeConstantsOf(run.gpu.family));
}

}  // namespace rhumb
