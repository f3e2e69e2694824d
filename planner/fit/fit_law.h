// SPDX-License-Identifier: Apache-2.0
// Observations in; a law, its covariance, intervals, back-test and diagnosis out: the one entry to
// fitting, as make_plan.h is the one entry to planning.
#ifndef RHUMB_PLANNER_FIT_FIT_LAW_H_
#define RHUMB_PLANNER_FIT_FIT_LAW_H_

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "Eigen/Core"
#include "absl/status/statusor.h"
#include "planner/fit/isoflop.h"
#include "planner/fit/observation.h"
#include "planner/fit/robust_loss.h"
#include "planner/laws/law.h"

namespace rhumb {

// Raise whenever the same rows and options give other numbers than before.
inline constexpr char kFitterVersion[] = "3";

// How constants are found. kVariableProjection and kLeastSquares give a loss surface, by errors
// of ln L and of L. kIsoFlop and kEnvelope give only how the optimum grows with compute (Hoffmann
// et al. 2022, approaches 2 and 1), kHyperparameters and kCriticalBatch how a run is to be trained
// (hyperparameter_fit.h), kDownstream what a loss is worth at a task (downstream_fit.h).
enum class FitMethod {
  kVariableProjection,
  kLeastSquares,
  kIsoFlop,
  kEnvelope,
  kHyperparameters,
  kCriticalBatch,
  kDownstream
};

// Whether a loss surface comes of it. The others take no form, no ties and no bounds; kDownstream
// takes `chance` and `ceiling` as fixed.
inline bool GivesLossSurface(FitMethod method) {
  return method == FitMethod::kVariableProjection || method == FitMethod::kLeastSquares;
}

struct LawFitOptions {
  // A form of FormNames(), or "auto": chosen by roll-out.
  std::string family = "chinchilla";
  FitMethod method = FitMethod::kVariableProjection;
  LossKind loss = LossKind::kHuber;
  double huber_delta = 1e-3;                                // on ln L; in nats for kLeastSquares
  std::map<std::string, double> fixed;                      // by symbol: "E" -> 1.8 nats
  std::map<std::string, std::pair<double, double>> bounds;  // by symbol
  std::vector<std::pair<std::string, std::string>> tied;    // by symbol
  int bootstrap_count = 1000;                               // 0: sandwich covariance, no draws
  uint64_t seed = 42;
  double level = 0.9;  // of every interval, in (0, 1)
  // Runs that are predicted and not fitted. Absent: the back-test rolls out over compute by itself.
  std::optional<double> holdout_above_flops;   // C greater than this
  std::optional<double> holdout_above_params;  // N greater than this
  // Rows in mid-schedule are left out unless set: their loss has not come down yet.
  bool include_mid_schedule = false;
  // Also decide the run of least compute that reaches this loss.
  std::optional<double> target_loss_nats;
  // Fraction done in [0, 1] and what is being done; false cancels.
  std::function<bool(double fraction, const char* stage)> progress;
  // Asked before each evaluation of an objective over the rows, so that no stage outlasts a true by
  // more than one pass over the rows; from then on the answer is taken to be true. Must be cheap.
  std::function<bool()> should_stop = {};
};

struct Interval {
  double low = 0;
  double high = 0;
};

// What the data can say about the constants.
struct Identifiability {
  bool identifiable = true;
  // Constants the data do not determine, with the reason each: ("E", "driven to 0: ...").
  std::vector<std::pair<std::string, std::string>> undetermined;
  double condition_number = 0;       // of the scaled Gram matrix of the residuals
  double log_count_correlation = 0;  // of ln N and ln D over the runs
};

// How well a form predicted runs larger than those it was fitted to.
struct BacktestSplit {
  double train_max_flops = 0;  // or params, by the axis
  int train_count = 0;
  int test_count = 0;
  double mean_abs_error_fraction = 0;
  double rmse_fraction = 0;
  double bias_fraction = 0;                 // mean of predicted/measured - 1
  double coverage = 0;                      // of prediction intervals at the level
  double mean_interval_fraction = 0;        // half width over the prediction
  double mean_naive_interval_fraction = 0;  // of the residual-only interval
};
struct Backtest {
  std::string family;
  std::vector<BacktestSplit> splits;  // by rising train_max_flops
  int observation_count = 0;          // predictions in all splits
  double mean_abs_error_fraction = 0;
  double rmse_fraction = 0;
  double coverage = 0;
  double level = 0;
};

// A family tried by "auto", best first.
struct FamilyTrial {
  std::string family;
  int parameter_count = 0;
  double objective = 0;
  // Mean absolute error of the larger runs, over the origins that all compared families could be
  // fitted at; not a number if there are none or this family was not compared.
  double rollout_error_fraction = std::numeric_limits<double>::quiet_NaN();
  bool chosen = false;
  std::string remark;  // why it was left out, or what else went wrong with it
};

// A run the law does not explain.
struct Outlier {
  int observation = 0;           // index into the set
  double residual_fraction = 0;  // measured / predicted - 1
  double robust_z = 0;           // residual over 1.4826 x median absolute deviation
};

// What the fitted law decides at a compute budget C = 6ND, with intervals from the joint draws of
// its constants and of those of its rivals, by `form_weights` but for the law at least half.
struct LawDecision {
  double training_flops = 0;
  double param_count = 0, token_count = 0, tokens_per_param = 0, loss_nats = 0;
  Interval param_count_interval, token_count_interval, tokens_per_param_interval;
  Interval loss_interval;      // of the mean loss there: parameters and forms
  Interval run_loss_interval;  // of one run: parameters, forms, scatter and extrapolation
  // Where the budget is the least that reaches a loss: that loss, and the budget's interval.
  std::optional<double> target_loss_nats;
  Interval training_flops_interval;
};

// A form that intervals average over.
struct FormWeight {
  std::string family;
  double weight = 0;                // sums to 1
  double rollout_rms_fraction = 0;  // infinite if it could not be rolled out
};

struct LawFit {
  // As a planner uses it, with covariance and data box; absent when the data do not identify the
  // form, or the form is not one the planner sizes models with.
  std::optional<Law> law;
  std::string family;
  FitMethod method = FitMethod::kVariableProjection;
  // By symbol, in the order of the form, values as users write them.
  std::vector<std::pair<std::string, double>> constants;
  std::vector<std::pair<std::string, double>> std_errors;
  std::vector<std::pair<std::string, Interval>> intervals;  // of constants, at `level`
  // Over covariance_parameters ("ln_A", ...): square, same order.
  std::vector<std::string> covariance_parameters;
  Eigen::MatrixXd covariance;
  std::string covariance_source;
  double level = 0;

  std::string formula;  // what the constants stand in
  std::string objective_definition;
  double objective = 0;
  int observation_count = 0;  // fitted
  int run_count = 0;
  int held_out_count = 0;
  int left_out_count = 0;       // mid-schedule rows
  double residual_log_std = 0;  // of ln L, with n - p degrees of freedom
  double residual_log_robust_std = 0;

  // N_opt ~ C^a, D_opt ~ C^b; absent for forms without both.
  std::optional<double> params_exponent, tokens_exponent;
  std::optional<Interval> params_exponent_interval, tokens_exponent_interval;
  // N_opt = params_coefficient C^a, from isoFLOP and envelope fits.
  std::optional<double> params_coefficient;
  // Of kIsoFlop, by rising compute, their rows as indices into the set; `used` by none where they
  // give no exponents.
  std::vector<IsoFlopBudget> isoflop_budgets;

  std::string termination;
  int iteration_count = 0;
  int start_count = 0;
  std::vector<double> local_minima;  // distinct objectives reached, ascending
  Identifiability identifiability;
  std::vector<std::pair<std::string, std::string>> warnings;  // code, text
  std::vector<Outlier> outliers;
  std::optional<Backtest> backtest;
  std::vector<FamilyTrial> trials;  // of "auto"
  // At the largest compute of the fitted runs, and 10 and 100 times it, then at the target loss;
  // empty without draws or for forms without an optimum.
  std::vector<LawDecision> decisions;
  std::vector<FormWeight> form_weights;  // the law's own first
  // Fraction of the predicted fall of ln L beyond the data that may be wrong (one standard
  // deviation), learned by roll-out, and the Student degrees of freedom it comes with.
  double slope_error_fraction = 0;
  double slope_error_degrees = 0;
};

// Names of all forms, the default first.
std::vector<std::string> FormNames();
// Those that give a law to plan with, which is a loss of N and D. Of the others LawFit::law is
// absent whatever the data; of "auto" it is only known after the fit.
std::vector<std::string> PlannerFormNames();

// Fits. InvalidArgument names the option or row at fault; FailedPrecondition: the rows lack what
// the form is a function of; Cancelled by `progress` or `should_stop`, with nothing of the fit.
// Data that cannot identify the form, or whose fit reaches no minimum, are not an error: the answer
// has no law and says which constant and why.
absl::StatusOr<LawFit> FitLaw(const ObservationSet& observations, const LawFitOptions& options);

}  // namespace rhumb

#endif  // RHUMB_PLANNER_FIT_FIT_LAW_H_
