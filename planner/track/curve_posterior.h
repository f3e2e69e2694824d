// SPDX-License-Identifier: Apache-2.0
// The loss a run will end at, given points of its curve: a Bayesian fit of one form under a few
// schedules, with the form's own error. Pure algebra; what the points are is loss_points.h.
//
//   L(x) = F + A ((S1(x)/S1(1))^-alpha - 1) + C (a(1) - a(x)) + d(x)
//
// x: fraction of the run's tokens; S1: area under the learning rate; a: share of it annealed away;
// F: loss at the end. The form without d is that of Tissue et al. 2024, arXiv:2408.11029, eq. (1),
// written around the end. d is how far a run leaves the form: an Ornstein-Uhlenbeck process over
// ln S1 + a, known where there are points and open again between them and the end. That, the
// priors below and the candidates of an unknown schedule are choices of ours.
#ifndef RHUMB_PLANNER_TRACK_CURVE_POSTERIOR_H_
#define RHUMB_PLANNER_TRACK_CURVE_POSTERIOR_H_

#include <optional>
#include <vector>

#include "planner/track/learning_rate_schedule.h"

namespace rhumb {

// What is believed of the final loss before the run.
struct FinalLossPrior {
  double mean_nats = 0;
  double std_nats = 0;
};

struct CurvePoint {
  double fraction = 0;  // of the run's tokens, in (0, 1]
  double loss_nats = 0;
  double std_nats = 0;
};

// Priors, relative to the loss of the last point where they are losses. Chosen on one half of the
// recorded runs; docs/accuracy.md has the other half.
struct CurveModel {
  double data_term_mean = 0.14, data_term_std = 0.1;        // A
  double annealing_mean = 0.04, annealing_std = 0.025;      // C
  double log_exponent_mean = -0.8, log_exponent_std = 0.6;  // ln alpha
  // Deviation of d, log-normal, and how far along ln S1 + a it is alike.
  double log_error_mean = -5.4, log_error_std = 0.5;
  double error_length = 0.4;
  double error_growth = 2;  // d's deviation is so much larger per unit of ln S1 + a to the end
  // Of F without a prior: as wide as to say nothing.
  double free_mean = 0.9, free_std = 0.5;
  // A law may be wrong about a run: so often its deviation is `wrong_prior_factor` times as large,
  // and so often it says nothing of it, as of other data: then F is as without a prior.
  double wrong_prior_share = 0.2, wrong_prior_factor = 3;
  double unrelated_prior_share = 0.02;
};

struct NormalPart {
  double weight = 0;  // sums to 1
  double mean = 0;
  double std = 0;
};

// Distribution of F + d(1) as a mixture of normals. `points` by rising fraction, at least one;
// `schedules` of known kinds, as heavy as each other; noise_is_bound: the points' deviations are
// upper bounds, and smaller ones are tried too.
std::vector<NormalPart> PosteriorOfFinalLoss(const std::vector<CurvePoint>& points,
                                             const std::vector<LearningRateSchedule>& schedules,
                                             const std::optional<FinalLossPrior>& prior,
                                             bool noise_is_bound, const CurveModel& model = {});

// Of a mixture whose parts have positive deviations; `probability` inside (0, 1). By bisection.
double QuantileOf(const std::vector<NormalPart>& parts, double probability);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_TRACK_CURVE_POSTERIOR_H_
