// SPDX-License-Identifier: Apache-2.0
#include "planner/laws/noise_scale.h"

#include <cmath>

#include "absl/strings/str_format.h"

namespace rhumb {

absl::Status NoiseScaleAverage::Add(double small_batch_squared_norm, double big_batch_squared_norm,
                                    double small_batch, double big_batch) {
  if (!(small_batch > 0) || !(big_batch > small_batch) || !std::isfinite(big_batch)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "small_batch is %g and big_batch %g; they must satisfy 0 < small_batch < big_batch",
        small_batch, big_batch));
  }
  if (!(small_batch_squared_norm >= 0) || !(big_batch_squared_norm >= 0) ||
      !std::isfinite(small_batch_squared_norm + big_batch_squared_norm)) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "small_batch_squared_norm is %g and big_batch_squared_norm %g; both must be non-negative "
        "and finite",
        small_batch_squared_norm, big_batch_squared_norm));
  }
  // One step's estimate may be negative; only the average must make sense.
  const double g2 = (big_batch * big_batch_squared_norm - small_batch * small_batch_squared_norm) /
                    (big_batch - small_batch);
  const double trace =
      (small_batch_squared_norm - big_batch_squared_norm) / (1 / small_batch - 1 / big_batch);
  squared_gradient_norm_ = decay_ * squared_gradient_norm_ + (1 - decay_) * g2;
  covariance_trace_ = decay_ * covariance_trace_ + (1 - decay_) * trace;
  weight_ = decay_ * weight_ + (1 - decay_);
  return absl::OkStatus();
}

absl::StatusOr<NoiseScale> NoiseScaleAverage::Estimate() const {
  if (!(weight_ > 0)) return absl::FailedPreconditionError("no step was added yet");
  const double g2 = squared_gradient_norm_ / weight_;
  const double trace = covariance_trace_ / weight_;
  if (!(g2 > 0) || !(trace >= 0)) {
    return absl::FailedPreconditionError(
        absl::StrFormat("the averages give |G|^2 = %g and tr(Sigma) = %g, which no gradient has; "
                        "average over more steps",
                        g2, trace));
  }
  return NoiseScale{
      .squared_gradient_norm = g2, .covariance_trace = trace, .noise_scale = trace / g2};
}

double LearningRateFactor(RateScaling scaling, double old_batch_tokens, double new_batch_tokens,
                          double noise_scale_tokens) {
  const double linear =
      (1 + noise_scale_tokens / old_batch_tokens) / (1 + noise_scale_tokens / new_batch_tokens);
  return scaling == RateScaling::kSgd ? linear : std::sqrt(linear);
}

}  // namespace rhumb
