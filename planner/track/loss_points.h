// SPDX-License-Identifier: Apache-2.0
// The losses of a run reduced to a few points of a curve, each with the deviation of its mean.
// Restarts, spikes and correlated noise are dealt with here and nowhere else.
#ifndef RHUMB_PLANNER_TRACK_LOSS_POINTS_H_
#define RHUMB_PLANNER_TRACK_LOSS_POINTS_H_

#include <cstdint>
#include <vector>

#include "planner/track/run_sample.h"

namespace rhumb {

// The samples that the model of today comes from, by rising token_count: what an attempt did beyond
// the checkpoint that a later one resumed is left out. The order given does not matter.
std::vector<RunSample> LastingSamples(const std::vector<RunSample>& samples);

// Mean loss of neighbouring samples.
struct LossPoint {
  double token_count = 0;
  double loss_nats = 0;
  double std_nats = 0;  // of the mean; correlated noise counted as such
};

struct LossPoints {
  std::vector<LossPoint> points;  // by rising token_count
  double sample_std_nats = 0;     // of one sample around the curve
  double correlation = 0;         // of the noise of neighbouring samples, in [0, 0.95]
  // Whether noise shows as scatter of samples within points. If not it is bounded from above by how
  // far points lie off the line between their neighbours, which curvature is part of.
  bool noise_is_measured = false;
  int64_t used_count = 0;      // samples
  int64_t spike_count = 0;     // samples left out
  bool is_validation = false;  // no sample has a training loss
};

// At most `most` points from the samples between `first_token_count` and the last, denser to both
// ends of ln(tokens) and tokens. A sample that lies five robust deviations off its neighbours is a
// spike. `samples` as LastingSamples gives them.
LossPoints ReduceLosses(const std::vector<RunSample>& samples, double first_token_count, int most);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_LOSS_POINTS_H_
