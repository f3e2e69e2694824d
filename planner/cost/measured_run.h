// SPDX-License-Identifier: Apache-2.0
// A training run that somebody measured, and what the cost model says of the same run. Knows no
// table and no file: client/run_table reads those.
#ifndef RHUMB_PLANNER_COST_MEASURED_RUN_H_
#define RHUMB_PLANNER_COST_MEASURED_RUN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "planner/cost/cost_model.h"

namespace rhumb {

struct MeasuredRun {
  std::string row_id;
  ModelShape shape;
  Gpu gpu;
  Fabric fabric;
  FrameworkProfile profile;       // its counter is the one that peak_bytes was read from
  Layout layout;                  // runnable (ValidateRunnableLayout) as far as it is known
  int64_t global_batch_size = 0;  // sequences a step
  // Not printed by the source: PredictRun takes the fastest feasible value.
  bool micro_batch_unknown = false;
  bool virtual_stages_unknown = false;
  bool recompute_unknown = false;
  // Share of the layers under full recompute where only some are ("every second layer"); absent
  // otherwise.
  std::optional<double> full_recompute_share;

  std::optional<double> step_seconds;  // measured
  std::optional<double> peak_bytes;    // measured
  bool peak_of_last_stage = false;     // the counter was read on the last rank only
  bool out_of_memory = false;          // the run failed for want of memory: nothing was measured
  std::string note;  // what was derived, inferred or not printed; sentences that end in "; "
};

struct RunPrediction {
  double step_seconds = 0;
  double peak_bytes = 0;  // p50 of what the run's counter shows, on the rank that it was read on
  double p95_bytes = 0;   // upper estimate that at least 95% of measured rows stay under
  // Whether the fullest rank of all stages stays within what the GPU has: live bytes, the
  // allocator's share and the context together, whichever of them the run's counter shows.
  bool fits = false;
  bool fits_p95 = false;
  Layout layout;     // with unknowns filled in
  std::string note;  // that of the run and what was filled in
};

// Prediction of `run` with `constants`. Unknown micro-batch and virtual stages take the fastest
// values that fit the GPU and that a framework accepts; unknown recompute takes the smallest share
// of activations that makes the run fit, cheapest first. Nothing measured enters.
RunPrediction PredictRun(const MeasuredRun& run, const TimeConstants& constants);

// The same with the constants of the GPU's family.
RunPrediction PredictRun(const MeasuredRun& run);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_COST_MEASURED_RUN_H_
