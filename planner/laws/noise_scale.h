// SPDX-License-Identifier: Apache-2.0
// The gradient noise scale averaged over the steps of a run, and what batch it suggests. The
// estimator of one pair of norms is EstimateNoiseScale in critical_batch.h.
//
// What to feed: squared norms of unclipped, unscaled gradients; the small batch is one micro-batch
// of one rank before accumulation and all-reduce, its squared norm averaged over ranks; the big
// batch is the whole step. Sum over tensor, pipeline and sharding groups, count replicated
// parameters once. Source: McCandlish et al. 2018, arXiv:1812.06162, appendix A.
#ifndef RHUMB_PLANNER_LAWS_NOISE_SCALE_H_
#define RHUMB_PLANNER_LAWS_NOISE_SCALE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "planner/laws/critical_batch.h"

namespace rhumb {

// Exponential averages of |G|^2 and tr(Sigma), bias-corrected, divided only at the end: a ratio of
// averages, because the average of ratios is biased.
class NoiseScaleAverage {
 public:
  // `decay` in [0, 1): weight of the past a step, 0.99 averages about a hundred steps.
  explicit NoiseScaleAverage(double decay) : decay_(decay) {}

  // One step. InvalidArgument, and nothing added, unless 0 < small_batch < big_batch and both norms
  // are non-negative and finite.
  absl::Status Add(double small_batch_squared_norm, double big_batch_squared_norm,
                   double small_batch, double big_batch);

  // In the unit of the batches given. FailedPrecondition before the first step, and while |G|^2 is
  // not positive or tr(Sigma) negative: average longer.
  absl::StatusOr<NoiseScale> Estimate() const;

 private:
  double decay_;
  double weight_ = 0;  // 1 - decay^steps
  double squared_gradient_norm_ = 0;
  double covariance_trace_ = 0;
};

// Factor on the learning rate when the batch changes: the best rate is proportional to
// 1/(1 + B_noise/B) for SGD (linear far below B_noise) and to its square root for Adam. Source:
// McCandlish et al. 2018 for SGD; the square root is the usual rule for Adam below
// B_noise.
enum class RateScaling { kSgd, kAdam };
double LearningRateFactor(RateScaling scaling, double old_batch_tokens, double new_batch_tokens,
                          double noise_scale_tokens);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_LAWS_NOISE_SCALE_H_
