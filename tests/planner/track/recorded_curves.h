// SPDX-License-Identifier: Apache-2.0
// Loss curves to judge forecasts on: recorded ones from a file, and simulated ones.
#ifndef RHUMB_TESTS_PLANNER_TRACK_RECORDED_CURVES_H_
#define RHUMB_TESTS_PLANNER_TRACK_RECORDED_CURVES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "planner/track/learning_rate_schedule.h"
#include "planner/track/run_sample.h"

namespace rhumb {

struct RecordedCurve {
  std::string name;
  double param_count = 0;        // without embeddings; 0: simulated
  double total_token_count = 0;  // of the whole run
  LearningRateSchedule schedule;
  std::vector<RunSample> samples;  // the whole run
  double final_loss_nats = 0;      // what a forecast is judged by
};

// Whole runs of misfitting_li2025_allckpt.csv in `folder`; empty if it is not there. A name with
// two losses at one step holds two runs mixed up and is left out.
std::vector<RecordedCurve> ReadRecordedCurves(const std::string& folder);

// Half of all names, by a hash: constants were chosen on the others.
bool IsHeldOut(const std::string& name);

// Runs of 300 to 2,000 samples: exponents, annealing, noise with correlation, spikes that decay,
// drift off the form, every schedule. The final loss is the median of the last five samples.
std::vector<RecordedCurve> SimulateCurves(int count, uint64_t seed);

// The samples up to a fraction of the run's tokens.
std::vector<RunSample> SamplesUpTo(const RecordedCurve& curve, double fraction);

}  // namespace rhumb

#endif  // RHUMB_TESTS_PLANNER_TRACK_RECORDED_CURVES_H_
