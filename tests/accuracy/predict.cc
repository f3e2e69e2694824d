// SPDX-License-Identifier: Apache-2.0
// Predicts a measured row, filling in what its source did not print.
#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/accuracy/measured_table.h"

namespace rhumb::accuracy {
namespace {

// One candidate: the row with its unknowns set. Recompute that was not printed is the smallest
// share of layers under full recompute that fits the device.
Prediction Evaluate(const MeasuredRow& row, const CostModel& model, Layout layout, bool* fits) {
  const int64_t per_pass = layout.micro_batch_size * layout.data_parallel_size;
  const int64_t passes = (row.global_batch_size + per_pass - 1) / per_pass;
  FrameworkProfile device = row.profile;
  device.counter = MemoryCounter::kNvidiaSmi;
  const double capacity = static_cast<double>(row.gpu.memory_bytes);
  const auto device_bytes = [&](const MemoryEstimate& memory) {
    return CounterBytes(device, memory.peak.total_bytes());
  };
  const auto evaluate = [&](Recompute recompute, MemoryEstimate* memory) {
    layout.recompute = recompute;
    *memory = model.Memory(layout, passes, row.peak_of_last_stage);
    Prediction prediction;
    prediction.layout = layout;
    prediction.step_seconds = model.Step(layout).StepSeconds(passes);
    prediction.peak_bytes = row.peak_of_last_stage
                                ? CounterBytes(row.profile, memory->stages.back().total_bytes())
                                : memory->peak_bytes;
    prediction.p95_bytes = memory->p95_bytes;
    return prediction;
  };
  MemoryEstimate memory;
  if (!row.recompute_unknown && !row.full_recompute_share.has_value()) {
    const Prediction prediction = evaluate(row.layout.recompute, &memory);
    *fits = device_bytes(memory) <= capacity;
    return prediction;
  }
  // Layers with and without recompute add up: time and memory are sums over layers.
  const Prediction kept = evaluate(Recompute::kNone, &memory);
  const double kept_bytes = device_bytes(memory);
  const Prediction repeated = evaluate(Recompute::kFull, &memory);
  const double repeated_bytes = device_bytes(memory);
  double share = row.full_recompute_share.value_or(0);
  if (row.recompute_unknown && kept_bytes > capacity) {
    share = repeated_bytes < kept_bytes
                ? std::min(1.0, (kept_bytes - capacity) / (kept_bytes - repeated_bytes))
                : 0.0;
  }
  *fits = share * repeated_bytes + (1 - share) * kept_bytes <= capacity * (1 + 1e-9);
  Prediction mixed = share > 0 ? repeated : kept;
  mixed.step_seconds = share * repeated.step_seconds + (1 - share) * kept.step_seconds;
  mixed.peak_bytes = share * repeated.peak_bytes + (1 - share) * kept.peak_bytes;
  mixed.p95_bytes = share * repeated.p95_bytes + (1 - share) * kept.p95_bytes;
  if (row.recompute_unknown)
    absl::StrAppend(&mixed.note, "recompute of ", share, " of the layers taken; ");
  return mixed;
}

}  // namespace

Prediction Predict(const MeasuredRow& row, const TimeConstants& constants) {
  const CostModel model(row.shape, row.gpu, row.fabric, row.profile, constants);
  Prediction best;
  best.step_seconds = std::numeric_limits<double>::infinity();
  bool best_fits = false;
  const std::vector<int64_t> micro_batches =
      row.micro_batch_unknown ? std::vector<int64_t>{1, 2, 3, 4, 6, 8, 16}
                              : std::vector<int64_t>{row.layout.micro_batch_size};
  const std::vector<int64_t> virtual_stages =
      row.virtual_stages_unknown ? std::vector<int64_t>{1, 2, 3, 4, 5, 6, 8, 10, 12}
                                 : std::vector<int64_t>{row.layout.virtual_pipeline_stages};
  for (const int64_t micro_batch : micro_batches) {
    for (const int64_t stages : virtual_stages) {
      Layout layout = row.layout;
      layout.micro_batch_size = micro_batch;
      layout.virtual_pipeline_stages = stages;
      const int64_t per_pass = micro_batch * layout.data_parallel_size;
      // A guessed value must be one that a framework accepts; a printed one was run.
      if (row.micro_batch_unknown && row.global_batch_size % per_pass != 0) continue;
      if (row.virtual_stages_unknown &&
          (!ValidateLayout(row.shape, layout).ok() ||
           (stages > 1 && row.global_batch_size / per_pass % layout.pipeline_parallel_size != 0))) {
        continue;
      }
      bool fits = false;
      const Prediction candidate = Evaluate(row, model, layout, &fits);
      if ((fits && !best_fits) ||
          (fits == best_fits && candidate.step_seconds < best.step_seconds)) {
        best = candidate;
        best_fits = fits;
      }
    }
  }
  best.note = absl::StrCat(row.note, best.note);
  return best;
}

}  // namespace rhumb::accuracy
