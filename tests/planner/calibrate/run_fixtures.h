// SPDX-License-Identifier: Apache-2.0
// Runs that constants known to the test measured.
#ifndef RHUMB_TESTS_PLANNER_CALIBRATE_RUN_FIXTURES_H_
#define RHUMB_TESTS_PLANNER_CALIBRATE_RUN_FIXTURES_H_

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "planner/calibrate/calibrate.h"
#include "planner/calibrate/constant_space.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/cost/measured_run.h"
#include "tests/planner/cost/cost_fixtures.h"

namespace rhumb::testing_support {

// Llama 3.1 8B on one node of H100, measured as `truth` would have it.
inline MeasuredRun RunOf(const TimeConstants& truth, int64_t sequence_length, int64_t tensor_ranks,
                         int64_t micro_batch) {
  MeasuredRun run;
  run.row_id = absl::StrCat(sequence_length, "/", tensor_ranks, "/", micro_batch);
  run.shape = Llama8B();
  run.shape.sequence_length = sequence_length;
  run.gpu = FindGpu("H100-SXM5-80GB").value();
  run.profile = FindFrameworkProfile("megatron").value();
  run.layout.tensor_parallel_size = tensor_ranks;
  run.layout.data_parallel_size = 8 / tensor_ranks;
  run.layout.zero_stage = 1;
  run.layout.micro_batch_size = micro_batch;
  run.global_batch_size = 64;
  run.step_seconds = PredictRun(run, truth).step_seconds;
  return run;
}

// 48 of them.
inline RunGroup ManyRuns(const TimeConstants& truth) {
  RunGroup group = {.name = "many", .runs = {}};
  for (const int64_t sequence_length : {1024, 4096, 16384, 65536}) {
    for (const int64_t tensor_ranks : {1, 2, 4, 8}) {
      for (const int64_t micro_batch : {1, 2, 4}) {
        group.runs.push_back(RunOf(truth, sequence_length, tensor_ranks, micro_batch));
      }
    }
  }
  return group;
}

// A machine that does everything `factor` times as fast.
inline TimeConstants HopperScaledBy(double factor) {
  TimeConstants truth = TimeConstantsOf("hopper");
  for (const ConstantAxis& axis : AxesOf(truth)) {
    if (axis.is_rate) truth.*axis.member *= factor;
  }
  return truth;
}

}  // namespace rhumb::testing_support

#endif  // RHUMB_TESTS_PLANNER_CALIBRATE_RUN_FIXTURES_H_
