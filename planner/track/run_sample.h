// SPDX-License-Identifier: Apache-2.0
// What a training process says of itself at one moment: the measured side of planned against
// actual.
#ifndef RHUMB_PLANNER_TRACK_RUN_SAMPLE_H_
#define RHUMB_PLANNER_TRACK_RUN_SAMPLE_H_

#include <cstdint>
#include <optional>

namespace rhumb {

// Counts go on over restarts: a resumed run has the steps and tokens of its checkpoint, so that
// they may fall back where a new attempt begins. A sample may stand for several steps, those since
// the one before: its means are over them.
struct RunSample {
  double time_seconds = 0;                     // instant, since 1970
  int64_t attempt = 1;                         // 1: the first process of the run
  int64_t step = 0;                            // optimizer steps done
  int64_t token_count = 0;                     // trained on
  std::optional<double> loss_nats;             // mean training loss of the steps
  bool loss_not_finite = false;                // of one of them; loss_nats is of the others
  std::optional<double> validation_loss_nats;  // of held-out text
  std::optional<double> step_seconds;          // mean wall time of a step, without pauses
  std::optional<double> tokens_per_second;     // over all GPUs
  std::optional<double> learning_rate;
  std::optional<double> gradient_norm;
  std::optional<double> noise_scale_tokens;  // B_noise = tr(Sigma) / |G|^2, smoothed
  std::optional<int64_t> peak_memory_bytes;  // highest on any GPU, by the framework's counter
};

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_RUN_SAMPLE_H_
