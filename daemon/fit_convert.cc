// SPDX-License-Identifier: Apache-2.0
#include "daemon/fit_convert.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "daemon/convert_law.h"
#include "daemon/rpc_status.h"

namespace rhumb::daemon {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

FitMethod MethodOf(v1::FitMethod method) {
  switch (method) {
    case v1::FIT_METHOD_NLS:
      return FitMethod::kLeastSquares;
    case v1::FIT_METHOD_ISOFLOP:
      return FitMethod::kIsoFlop;
    case v1::FIT_METHOD_ENVELOPE:
      return FitMethod::kEnvelope;
    case v1::FIT_METHOD_HYPERPARAMETERS:
      return FitMethod::kHyperparameters;
    case v1::FIT_METHOD_CRITICAL_BATCH:
      return FitMethod::kCriticalBatch;
    case v1::FIT_METHOD_DOWNSTREAM:
      return FitMethod::kDownstream;
    default:
      return FitMethod::kVariableProjection;
  }
}

v1::FitMethod ToProto(FitMethod method) {
  switch (method) {
    case FitMethod::kVariableProjection:
      return v1::FIT_METHOD_VPNLS;
    case FitMethod::kLeastSquares:
      return v1::FIT_METHOD_NLS;
    case FitMethod::kIsoFlop:
      return v1::FIT_METHOD_ISOFLOP;
    case FitMethod::kEnvelope:
      return v1::FIT_METHOD_ENVELOPE;
    case FitMethod::kHyperparameters:
      return v1::FIT_METHOD_HYPERPARAMETERS;
    case FitMethod::kCriticalBatch:
      return v1::FIT_METHOD_CRITICAL_BATCH;
    case FitMethod::kDownstream:
      return v1::FIT_METHOD_DOWNSTREAM;
  }
  return v1::FIT_METHOD_UNSPECIFIED;
}

LossKind LossOf(v1::FitLoss loss) {
  switch (loss) {
    case v1::FIT_LOSS_L2:
      return LossKind::kSquares;
    case v1::FIT_LOSS_LAD:
      return LossKind::kAbsolute;
    default:
      return LossKind::kHuber;
  }
}

v1::FitLoss ToProto(LossKind loss) {
  switch (loss) {
    case LossKind::kHuber:
      return v1::FIT_LOSS_HUBER;
    case LossKind::kSquares:
      return v1::FIT_LOSS_L2;
    case LossKind::kAbsolute:
      return v1::FIT_LOSS_LAD;
  }
  return v1::FIT_LOSS_UNSPECIFIED;
}

// An unbounded side is absent.
v1::Interval ToProto(const Interval& interval) {
  v1::Interval out;
  if (std::isfinite(interval.low)) out.set_low(interval.low);
  if (std::isfinite(interval.high)) out.set_high(interval.high);
  return out;
}

template <typename Map>
void SetFinite(const std::vector<std::pair<std::string, double>>& values, Map& out) {
  for (const auto& [symbol, value] : values) {
    if (std::isfinite(value)) out[symbol] = value;
  }
}

void SetCovariance(const LawFit& fit, v1::LawFitResult& out) {
  // Half a matrix is no covariance.
  if (fit.covariance.size() == 0 || !fit.covariance.allFinite()) return;
  for (const std::string& name : fit.covariance_parameters) out.add_covariance_parameters(name);
  for (Eigen::Index i = 0; i < fit.covariance.rows(); ++i) {
    google::protobuf::ListValue& row = *out.add_covariance();
    for (Eigen::Index j = 0; j < fit.covariance.cols(); ++j) {
      row.add_values()->set_number_value(fit.covariance(i, j));
    }
  }
  out.set_covariance_source(fit.covariance_source);
}

v1::LawFitResult::OptimalExponents ExponentsOf(const LawFit& fit) {
  v1::LawFitResult::OptimalExponents out;
  if (fit.params_exponent) out.set_a(*fit.params_exponent);
  if (fit.tokens_exponent) out.set_b(*fit.tokens_exponent);
  if (fit.params_exponent_interval) {
    *out.mutable_a_interval() = ToProto(*fit.params_exponent_interval);
  }
  if (fit.tokens_exponent_interval) {
    *out.mutable_b_interval() = ToProto(*fit.tokens_exponent_interval);
  }
  if (fit.params_coefficient) out.set_params_coefficient(*fit.params_coefficient);
  return out;
}

v1::LawFitResult::Diagnostics DiagnosticsOf(const LawFit& fit) {
  v1::LawFitResult::Diagnostics out;
  const Identifiability& can_tell = fit.identifiability;
  out.set_termination(fit.termination);
  if (std::isfinite(can_tell.condition_number)) {
    out.set_condition_number(can_tell.condition_number);
  }
  out.set_identifiable(can_tell.identifiable);
  for (const auto& [code, text] : fit.warnings) {
    auto& warning = *out.add_warnings();
    warning.set_code(code);
    warning.set_text(text);
  }
  for (const auto& [symbol, reason] : can_tell.undetermined) {
    auto& undetermined = *out.add_undetermined();
    undetermined.set_symbol(symbol);
    undetermined.set_reason(reason);
  }
  if (std::isfinite(can_tell.log_count_correlation)) {
    out.set_log_count_correlation(can_tell.log_count_correlation);
  }
  out.set_iteration_count(fit.iteration_count);
  out.set_start_count(fit.start_count);
  for (const double minimum : fit.local_minima) {
    if (std::isfinite(minimum)) out.add_local_minima(minimum);
  }
  return out;
}

v1::LawFitResult::Outlier ToProto(const Outlier& outlier,
                                  const std::vector<v1::Observation>& rows) {
  v1::LawFitResult::Outlier out;
  out.set_observation(outlier.observation);
  const auto index = static_cast<size_t>(outlier.observation);
  if (outlier.observation >= 0 && index < rows.size()) {
    out.set_line(rows[index].line());
    out.set_run(rows[index].run());
  }
  out.set_residual_fraction(outlier.residual_fraction);
  out.set_robust_z(outlier.robust_z);
  return out;
}

v1::LawFitResult::FamilyTrial ToProto(const FamilyTrial& trial) {
  v1::LawFitResult::FamilyTrial out;
  out.set_family(trial.family);
  out.set_parameter_count(trial.parameter_count);
  if (std::isfinite(trial.objective)) out.set_objective(trial.objective);
  if (std::isfinite(trial.rollout_error_fraction)) {
    out.set_rollout_error_fraction(trial.rollout_error_fraction);
  }
  out.set_chosen(trial.chosen);
  out.set_remark(trial.remark);
  return out;
}

v1::LawFitResult::Decision ToProto(const LawDecision& decision) {
  v1::LawFitResult::Decision out;
  out.set_training_flops(decision.training_flops);
  out.set_param_count(decision.param_count);
  out.set_token_count(decision.token_count);
  out.set_tokens_per_param(decision.tokens_per_param);
  out.set_loss_nats(decision.loss_nats);
  *out.mutable_param_count_interval() = ToProto(decision.param_count_interval);
  *out.mutable_token_count_interval() = ToProto(decision.token_count_interval);
  *out.mutable_tokens_per_param_interval() = ToProto(decision.tokens_per_param_interval);
  *out.mutable_loss_interval() = ToProto(decision.loss_interval);
  *out.mutable_run_loss_interval() = ToProto(decision.run_loss_interval);
  if (decision.target_loss_nats.has_value()) {
    out.set_target_loss_nats(*decision.target_loss_nats);
    *out.mutable_training_flops_interval() = ToProto(decision.training_flops_interval);
  }
  return out;
}

v1::LawFitResult::FormWeight ToProto(const FormWeight& form) {
  v1::LawFitResult::FormWeight out;
  out.set_family(form.family);
  out.set_weight(form.weight);
  if (std::isfinite(form.rollout_rms_fraction)) {
    out.set_rollout_rms_fraction(form.rollout_rms_fraction);
  }
  return out;
}

v1::Backtest::Split ToProto(const BacktestSplit& split) {
  v1::Backtest::Split out;
  out.set_train_max_flops(split.train_max_flops);
  out.set_train_count(split.train_count);
  out.set_test_count(split.test_count);
  out.set_mean_abs_error_fraction(split.mean_abs_error_fraction);
  out.set_rmse_fraction(split.rmse_fraction);
  out.set_bias_fraction(split.bias_fraction);
  if (std::isfinite(split.coverage)) out.set_coverage(split.coverage);
  if (std::isfinite(split.mean_interval_fraction)) {
    out.set_mean_interval_fraction(split.mean_interval_fraction);
  }
  if (std::isfinite(split.mean_naive_interval_fraction)) {
    out.set_mean_naive_interval_fraction(split.mean_naive_interval_fraction);
  }
  return out;
}

// The fitter names the option at fault first.
absl::Status OptionError(absl::string_view message) {
  const size_t end = message.find_first_of(" .[");
  const std::string word(message.substr(0, end));
  if (end != absl::string_view::npos &&
      v1::LawFitOptions::descriptor()->FindFieldByName(word) != nullptr) {
    return FieldError("options." + word, absl::StripLeadingAsciiWhitespace(message.substr(end)));
  }
  return FieldError("options", message);
}

// What a program can tell rows by that a fit refuses: the reason of an ErrorInfo.
const char* ReasonOf(const LawFitOptions& options, const ObservationSet& observations) {
  const std::vector<Observation>& rows = observations.observations;
  const bool lacks_steps = std::any_of(
      rows.begin(), rows.end(), [](const Observation& row) { return !row.step_count.has_value(); });
  const bool repeats = std::any_of(rows.begin(), rows.end(), [](const Observation& row) {
    return row.unique_token_count.value_or(row.token_count) < row.token_count;
  });
  if (options.family == "kaplan-ns" && lacks_steps) return "ROWS_LACK_A_COLUMN";
  if (options.family == "data-constrained" && !repeats) return "NO_REPEATED_DATA";
  return "FIT_FAILED";
}

}  // namespace

LawFitOptions FromProto(const v1::LawFitOptions& in) {
  LawFitOptions out;
  if (!in.family().empty()) out.family = in.family();
  out.method = MethodOf(in.method());
  out.loss = LossOf(in.loss());
  if (in.has_huber_delta()) out.huber_delta = in.huber_delta();
  out.fixed.insert(in.fixed().begin(), in.fixed().end());
  for (const auto& [symbol, bounds] : in.bounds()) {
    out.bounds[symbol] = {bounds.has_low() ? bounds.low() : -kInfinity,
                          bounds.has_high() ? bounds.high() : kInfinity};
  }
  for (const v1::TiedConstants& tied : in.tied()) out.tied.emplace_back(tied.symbol(), tied.to());
  if (in.has_bootstrap_count()) out.bootstrap_count = static_cast<int>(in.bootstrap_count());
  if (in.has_seed()) out.seed = static_cast<uint64_t>(in.seed());
  if (in.has_level()) out.level = in.level();
  if (in.has_holdout_above_flops()) out.holdout_above_flops = in.holdout_above_flops();
  if (in.has_holdout_above_params()) out.holdout_above_params = in.holdout_above_params();
  out.include_mid_schedule = in.include_mid_schedule();
  if (in.has_target_loss_nats()) out.target_loss_nats = in.target_loss_nats();
  return out;
}

v1::LawFitOptions ToProto(const LawFitOptions& in) {
  v1::LawFitOptions out;
  out.set_family(in.family);
  out.set_method(ToProto(in.method));
  out.set_loss(ToProto(in.loss));
  out.set_huber_delta(in.huber_delta);
  out.mutable_fixed()->insert(in.fixed.begin(), in.fixed.end());
  for (const auto& [symbol, bounds] : in.bounds) {
    (*out.mutable_bounds())[symbol] = ToProto(Interval{bounds.first, bounds.second});
  }
  for (const auto& [symbol, to] : in.tied) {
    v1::TiedConstants& tied = *out.add_tied();
    tied.set_symbol(symbol);
    tied.set_to(to);
  }
  out.set_bootstrap_count(in.bootstrap_count);
  out.set_seed(static_cast<int64_t>(in.seed));
  out.set_level(in.level);
  if (in.holdout_above_flops) out.set_holdout_above_flops(*in.holdout_above_flops);
  if (in.holdout_above_params) out.set_holdout_above_params(*in.holdout_above_params);
  out.set_include_mid_schedule(in.include_mid_schedule);
  if (in.target_loss_nats) out.set_target_loss_nats(*in.target_loss_nats);
  return out;
}

v1::LawFitResult ToProto(const LawFit& fit, const std::vector<v1::Observation>& rows) {
  v1::LawFitResult out;
  if (fit.law.has_value()) {
    *out.mutable_law() = ToProto(*fit.law, /*with_covariance=*/true);
    out.mutable_law()->clear_name();
    out.mutable_law()->clear_version();
  }
  SetFinite(fit.constants, *out.mutable_constants());
  SetFinite(fit.std_errors, *out.mutable_std_errors());
  SetCovariance(fit, out);
  out.set_objective(fit.objective);
  out.set_observation_count(fit.observation_count);
  *out.mutable_optimal_exponents() = ExponentsOf(fit);
  for (const auto& [symbol, interval] : fit.intervals) {
    (*out.mutable_intervals())[symbol] = ToProto(interval);
  }
  if (fit.backtest.has_value()) *out.mutable_backtest() = ToProto(*fit.backtest);
  *out.mutable_diagnostics() = DiagnosticsOf(fit);
  out.set_family(fit.family);
  out.set_formula(fit.formula);
  out.set_method(ToProto(fit.method));
  out.set_level(fit.level);
  out.set_objective_definition(fit.objective_definition);
  out.set_run_count(fit.run_count);
  out.set_held_out_count(fit.held_out_count);
  out.set_left_out_count(fit.left_out_count);
  out.set_residual_log_std(fit.residual_log_std);
  out.set_residual_log_robust_std(fit.residual_log_robust_std);
  for (const Outlier& outlier : fit.outliers) *out.add_outliers() = ToProto(outlier, rows);
  for (const FamilyTrial& trial : fit.trials) *out.add_trials() = ToProto(trial);
  for (const IsoFlopBudget& budget : fit.isoflop_budgets) {
    *out.add_isoflop_budgets() = ToProto(budget, rows);
  }
  for (const LawDecision& decision : fit.decisions) *out.add_decisions() = ToProto(decision);
  for (const FormWeight& form : fit.form_weights) *out.add_form_weights() = ToProto(form);
  out.set_slope_error_fraction(fit.slope_error_fraction);
  out.set_slope_error_degrees(fit.slope_error_degrees);
  return out;
}

absl::Status ExplainFitError(const absl::Status& status, const LawFitOptions& options,
                             const ObservationSet& observations) {
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return OptionError(status.message());
    case absl::StatusCode::kFailedPrecondition:
      return ErrorWithReason(status.code(), ReasonOf(options, observations), status.message());
    default:
      return status;
  }
}

v1::LawFitResult::IsoFlopBudget ToProto(const IsoFlopBudget& budget,
                                        const std::vector<v1::Observation>& rows) {
  v1::LawFitResult::IsoFlopBudget out;
  out.set_training_flops(budget.training_flops);
  for (const int index : budget.rows) {
    const v1::Observation& row = rows[static_cast<size_t>(index)];
    v1::LawFitResult::IsoFlopBudget::Run& run = *out.add_runs();
    run.set_observation(index);
    run.set_line(row.line());
    run.set_param_count(row.param_count());
    run.set_loss_nats(row.loss_nats());
  }
  out.set_size_count(budget.size_count);
  if (budget.curvature_nats.has_value()) {
    out.set_best_param_count(budget.best_param_count);
    out.set_best_loss_nats(budget.best_loss_nats);
    out.set_curvature_nats(*budget.curvature_nats);
    out.mutable_flat_param_count()->set_low(budget.flat_low_param_count);
    out.mutable_flat_param_count()->set_high(budget.flat_high_param_count);
  }
  out.set_used(budget.used);
  out.set_dropped_because(budget.dropped_because);
  return out;
}

v1::Backtest ToProto(const Backtest& backtest) {
  v1::Backtest out;
  out.set_observation_count(backtest.observation_count);
  // Test sets lie inside each other: what is larger than one training set is larger than all that
  // are smaller.
  for (const BacktestSplit& split : backtest.splits) {
    out.set_run_count(std::max<int64_t>(out.run_count(), split.test_count));
  }
  out.set_mean_abs_error_fraction(backtest.mean_abs_error_fraction);
  out.set_rmse_fraction(backtest.rmse_fraction);
  if (std::isfinite(backtest.coverage)) out.set_coverage(backtest.coverage);
  out.set_level(backtest.level);
  out.set_family(backtest.family);
  for (const BacktestSplit& split : backtest.splits) *out.add_splits() = ToProto(split);
  return out;
}

}  // namespace rhumb::daemon
