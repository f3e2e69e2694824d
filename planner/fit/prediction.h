// SPDX-License-Identifier: Apache-2.0
// The loss of a run that was not fitted, with an honest interval.
//
// An interval is the quantiles of one mixture of draws; each term is there for a reason:
//   parameters      draws by run with small-sample correction (draws.h);
//   form            the draws come from the law and from its rivals, each with the weight that its
//                   roll-out earned: the formula is not known either, and this is most of the error
//                   far out;
//   residual        a new run scatters around any law as the fitted ones do, tails included;
//   extrapolation   beyond the largest run every formula has an error of its own that no fit inside
//                   the data shows. It is taken as one normal error of the slope: sd = kappa g h,
//                   h = ln C - ln C_max, g the local elasticity -d ln L/d ln C, so that kappa says
//                   which fraction of the predicted fall may be wrong. kappa is learned by roll-out
//                   inside the data: at each origin, what the errors exceed the first three terms
//                   by. Origins are few and their errors within one are one shared bias, so each
//                   counts as one observation beside a stated prior, and the normal becomes
//                   Student's t.
#ifndef RHUMB_PLANNER_FIT_PREDICTION_H_
#define RHUMB_PLANNER_FIT_PREDICTION_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "planner/fit/draws.h"
#include "planner/fit/form_spec.h"
#include "planner/fit/rollout.h"
#include "planner/fit/rows.h"

namespace rhumb {

// Prior of kappa: the weight of kPriorOrigins origins at this value. Refits of the same formula by
// different groups differ by about this much in their exponents (alpha .34 and .35, beta .28 and
// .37 for one set of runs: Hoffmann et al. 2022 and Besiroglu et al. 2024).
inline constexpr double kPriorSlopeError = 0.15;
inline constexpr double kPriorOrigins = 3;

struct PredictorOptions {
  int draw_count = 1000;
  int rollout_draw_count = 60;
  int max_origins = 4;
  uint64_t seed = 42;
  // The law was chosen among its rivals, not given: see Member::decision_weight.
  bool is_chosen = false;
  std::function<bool(double)> progress;  // false cancels
};

// All of ln L.
struct RunPrediction {
  double log_loss = 0;  // of the law itself
  double low = 0, high = 0;
  double naive_low = 0, naive_high = 0;  // residual scatter alone, as a plain fit would claim
  double parameter_std = 0;              // of the law's own draws
  double form_std = 0;                   // of the forms' optima around the law
  double residual_std = 0;
  double extrapolation_std = 0;
};

class Predictor {
 public:
  struct Member {
    FormSpec spec;
    FitResult fit;
    ParameterDraws draws;
    double weight = 0;
    double rollout_rms = 0;  // of ln L; infinite without roll-out
    // Of decisions. The same, but for one form at least half: on few origins a rival may earn
    // nearly all of the weight, or one of fewer constants that is wrong by little there, and an
    // interval of N* by it alone would not hold the N* that is decided, or be far too narrow. It is
    // the law, or where alpha = beta was chosen and not given the form without that tie.
    double decision_weight = 0;
  };
  // Which weights a mixture is of.
  enum class Weights { kRollOut, kDecision };

  // `law` is the spec that predicts; `rivals` only widen. Errors are those of fitting `law`; a
  // rival that cannot be fitted is left out. Cancelled by options.progress, or by
  // minimize.should_stop of the options of any spec.
  static absl::StatusOr<Predictor> Create(const FormSpec& law, const std::vector<FormSpec>& rivals,
                                          const Rows& rows, const PredictorOptions& options);

  // Two-sided at `level`, an entry per row of `at` (its losses are not read).
  std::vector<RunPrediction> Predict(const Rows& at, double level,
                                     Weights weights = Weights::kRollOut) const;

  const std::vector<Member>& members() const { return members_; }  // the law first
  const Member& law() const { return members_.front(); }
  double slope_error() const { return slope_error_; }      // kappa
  double slope_degrees() const { return slope_degrees_; }  // origins behind it, prior included
  const ResidualPool& residuals() const { return residuals_; }

 private:
  Predictor(std::vector<Member> members, ResidualPool residuals)
      : members_(std::move(members)), residuals_(std::move(residuals)) {}

  std::vector<Member> members_;
  ResidualPool residuals_;
  double slope_error_ = kPriorSlopeError;
  double slope_degrees_ = kPriorOrigins;
  double max_log_flops_ = 0;
  int draw_count_ = 0;
  uint64_t seed_ = 0;
};

// Elasticity -d ln L / d ln C at each row along constant D/N.
Eigen::ArrayXd LossElasticity(const FitResult& fit, const Rows& at);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_PREDICTION_H_
