// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/fit_law.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "planner/fit/backtest.h"
#include "planner/fit/bootstrap.h"
#include "planner/fit/choose_form.h"
#include "planner/fit/decisions.h"
#include "planner/fit/draws.h"
#include "planner/fit/fit_recipe.h"
#include "planner/fit/fit_trend.h"
#include "planner/fit/fit_warnings.h"
#include "planner/fit/forms.h"
#include "planner/fit/identifiability.h"
#include "planner/fit/law_answer.h"
#include "planner/fit/observation_warnings.h"
#include "planner/fit/outliers.h"
#include "planner/fit/prediction.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// Draws of the fits inside a roll-out or a back-test: quantiles of a spread, not of a report.
constexpr int kBacktestDraws = 300;
constexpr int kBacktestRollOutDraws = 30;
// A schedule this far along counts as finished.
constexpr double kFinishedSchedule = 0.999;

absl::Status CheckOptions(const LawFitOptions& options) {
  if (!(options.level > 0 && options.level < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("level is ", options.level, "; must lie inside (0, 1)"));
  }
  if (options.bootstrap_count < 0 || options.bootstrap_count > 100000) {
    return absl::InvalidArgumentError(
        absl::StrCat("bootstrap_count is ", options.bootstrap_count, "; must be from 0 to 100000"));
  }
  if (options.bootstrap_count > 0 && options.bootstrap_count < 50) {
    return absl::InvalidArgumentError(
        absl::StrCat("bootstrap_count is ", options.bootstrap_count,
                     "; an interval needs at least 50 draws, or 0 for the sandwich covariance"));
  }
  const std::pair<const char*, const std::optional<double>*> thresholds[] = {
      {"holdout_above_flops", &options.holdout_above_flops},
      {"holdout_above_params", &options.holdout_above_params}};
  for (const auto& [field, value] : thresholds) {
    if (value->has_value() && !(std::isfinite(**value) && **value > 0)) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, " is ", **value, "; must be a positive finite number"));
    }
  }
  if (options.family != "auto" && FindForm(options.family) == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("family is '", options.family,
                                                   "'; must be auto or one of ",
                                                   absl::StrJoin(FormNames(), ", ")));
  }
  if (options.target_loss_nats.has_value() &&
      !(std::isfinite(*options.target_loss_nats) && *options.target_loss_nats > 0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "target_loss_nats is ", *options.target_loss_nats, "; must be a positive finite number"));
  }
  if (GivesLossSurface(options.method)) return absl::OkStatus();
  // What the other methods would pass over in silence.
  const std::pair<const char*, bool> unused[] = {
      {"fixed", !options.fixed.empty() && options.method != FitMethod::kDownstream},
      {"bounds", !options.bounds.empty()},
      {"tied", !options.tied.empty()},
      {"target_loss_nats", options.target_loss_nats.has_value()}};
  for (const auto& [field, is_given] : unused) {
    if (is_given) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, " is of a loss surface; the method fits none: must be absent"));
    }
  }
  return absl::OkStatus();
}

// The rows that take part, by their place in the set.
struct Selection {
  std::vector<int> kept;         // fitted and held out
  std::vector<int> train, test;  // indices into `kept`'s rows
  int left_out_count = 0;

  // Place in the set of a row that is fitted.
  int InSet(int row) const { return kept[static_cast<size_t>(train[static_cast<size_t>(row)])]; }
};
Selection Select(const ObservationSet& observations, const Rows& rows,
                 const LawFitOptions& options) {
  Selection selection;
  const bool takes_checkpoints =
      options.method == FitMethod::kEnvelope || options.method == FitMethod::kDownstream;
  for (int i = 0; i < rows.size(); ++i) {
    const Observation& row = observations.observations[static_cast<size_t>(i)];
    const bool finished = row.schedule_fraction.value_or(1) >= kFinishedSchedule;
    if (!finished && !options.include_mid_schedule && !takes_checkpoints) {
      ++selection.left_out_count;
      continue;
    }
    if (row.weight > 0) selection.kept.push_back(i);
  }
  const Rows kept = SelectRows(rows, selection.kept);
  // A run is held out as a whole: its early rows would tell of its end.
  std::vector<bool> is_held_out(static_cast<size_t>(kept.run_count), false);
  for (int i = 0; i < kept.size(); ++i) {
    const bool beyond = (options.holdout_above_flops.has_value() &&
                         kept.log_flops[i] > std::log(*options.holdout_above_flops)) ||
                        (options.holdout_above_params.has_value() &&
                         kept.log_params[i] > std::log(*options.holdout_above_params));
    if (beyond) is_held_out[static_cast<size_t>(kept.run[static_cast<size_t>(i)])] = true;
  }
  for (int i = 0; i < kept.size(); ++i) {
    const bool out = is_held_out[static_cast<size_t>(kept.run[static_cast<size_t>(i)])];
    (out ? selection.test : selection.train).push_back(i);
  }
  return selection;
}

// A threshold above every row would silently hold out nothing.
absl::Status CheckHoldout(const LawFitOptions& options, const Rows& kept,
                          const Selection& selection) {
  if (!selection.test.empty()) return absl::OkStatus();
  if (options.holdout_above_flops.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("holdout_above_flops is %g and holds out no row; must be below the largest "
                        "compute there is, %g FLOPs",
                        *options.holdout_above_flops, std::exp(kept.log_flops.maxCoeff())));
  }
  if (options.holdout_above_params.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrFormat("holdout_above_params is %g and holds out no row; must be below the "
                        "largest model there is, %g parameters",
                        *options.holdout_above_params, std::exp(kept.log_params.maxCoeff())));
  }
  return absl::OkStatus();
}

// Progress of one stage as a share of the whole; remembers that the caller gave up, so that a stage
// which takes a fit cut short for one that failed does not pass its answer on.
class Progress {
 public:
  explicit Progress(const LawFitOptions& options) : options_(options) {}
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  std::function<bool(double)> Stage(double from, double to, const char* name) {
    return [this, from, to, name](double fraction) {
      return Report(from + (to - from) * std::clamp(fraction, 0.0, 1.0), name);
    };
  }
  // For FitOptions; null where nobody asks.
  std::function<bool()> StopHook() {
    if (!options_.should_stop) return nullptr;
    return [this] { return ShouldStop(); };
  }
  absl::Status At(double fraction, const char* name) {
    Report(fraction, name);
    return Status();
  }
  // Cancelled if the caller gave up at any time before.
  absl::Status Status() {
    return ShouldStop() ? absl::CancelledError("the fit was cancelled") : absl::OkStatus();
  }

 private:
  bool ShouldStop() {
    gave_up_ = gave_up_ || (options_.should_stop && options_.should_stop());
    return gave_up_;
  }
  bool Report(double fraction, const char* name) {
    if (!ShouldStop() && options_.progress) gave_up_ = !options_.progress(fraction, name);
    return !gave_up_;
  }

  const LawFitOptions& options_;
  bool gave_up_ = false;
};

FitOptions ToFitOptions(const LawFitOptions& options, Progress& progress) {
  FitOptions fit;
  fit.minimize.should_stop = progress.StopHook();
  if (options.method == FitMethod::kLeastSquares) fit.residual = ResidualKind::kLoss;
  fit.loss = options.loss;
  fit.huber_delta = options.huber_delta;
  fit.fixed = options.fixed;
  fit.bounds = options.bounds;
  fit.tied = options.tied;
  return fit;
}

std::string ObjectiveDefinition(const LawFitOptions& options) {
  const bool of_loss = options.method == FitMethod::kLeastSquares;
  const char* residual = of_loss ? "L(i) - L_i" : "ln L(i) - ln L_i";
  const char* unit = of_loss ? "nats" : "natural logs";
  switch (options.loss) {
    case LossKind::kHuber:
      return absl::StrFormat("sum_i w_i Huber_delta(%s), delta = %g, %s", residual,
                             options.huber_delta, unit);
    case LossKind::kSquares:
      return absl::StrFormat("1/2 sum_i w_i (%s)^2, %s", residual, unit);
    case LossKind::kAbsolute:
      return absl::StrFormat("sum_i w_i |%s|, %s", residual, unit);
  }
  return "";
}

absl::Status AddBacktest(const FormSpec& spec, const Rows& kept, const Selection& selection,
                         const LawFitOptions& options, const std::function<bool(double)>& progress,
                         LawFit& answer) {
  const std::function<bool()>& should_stop = spec.options.minimize.should_stop;
  RHUMB_ASSIGN_OR_RETURN(const Rows train, SelectRows(kept, selection.train, should_stop));
  BacktestOptions backtest;
  backtest.level = options.level;
  backtest.predictor = {.draw_count = kBacktestDraws,
                        .rollout_draw_count = kBacktestRollOutDraws,
                        .seed = options.seed,
                        .progress = progress};
  const std::vector<FormSpec> rivals = RivalsOf(spec, train);
  if (!selection.test.empty()) {
    if (options.holdout_above_params.has_value() && !options.holdout_above_flops.has_value()) {
      backtest.axis = RollOutAxis::kParams;
    }
    absl::StatusOr<BacktestSplit> split =
        BacktestOn(spec, rivals, train, SelectRows(kept, selection.test), backtest);
    if (absl::IsCancelled(split.status())) return split.status();
    if (split.ok()) answer.backtest = Summarize(spec.name, {*split}, options.level);
    return absl::OkStatus();
  }
  RHUMB_ASSIGN_OR_RETURN(Backtest rolled, RollOutBacktest(spec, rivals, train, backtest));
  if (!rolled.splits.empty()) answer.backtest = std::move(rolled);
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> FormNames() {
  std::vector<std::string> names;
  for (const Form* form : AllForms()) names.emplace_back(form->name());
  return names;
}

std::vector<std::string> PlannerFormNames() {
  std::vector<std::string> names;
  for (const Form* form : AllForms()) {
    const auto count = static_cast<Eigen::Index>(form->parameters().size());
    if (ToChinchillaLaw(*form, ParameterVector::Zero(count)).has_value()) {
      names.emplace_back(form->name());
    }
  }
  return names;
}

absl::StatusOr<LawFit> FitLaw(const ObservationSet& observations, const LawFitOptions& options) {
  RHUMB_RETURN_IF_ERROR(CheckOptions(options));
  Progress progress(options);
  RHUMB_RETURN_IF_ERROR(progress.At(0, "fit"));
  const std::function<bool()> should_stop = progress.StopHook();
  RHUMB_ASSIGN_OR_RETURN(const Rows all, MakeRows(observations.observations, should_stop));

  LawFit answer;
  answer.method = options.method;
  answer.level = options.level;
  answer.family = options.family;
  answer.objective_definition = ObjectiveDefinition(options);
  answer.warnings = ObservationWarnings(observations.observations);
  RHUMB_RETURN_IF_ERROR(progress.Status());
  const Selection selection = Select(observations, all, options);
  answer.left_out_count = selection.left_out_count;
  if (selection.left_out_count > 0) {
    answer.warnings.emplace_back(
        "MID_SCHEDULE_ROWS_LEFT_OUT",
        absl::StrCat(selection.left_out_count,
                     " rows in mid-schedule are left out: their loss has not come down yet"));
  }
  if (selection.train.empty()) {
    return absl::InvalidArgumentError(
        "no row is left to fit: all are in mid-schedule, of weight 0, or held out");
  }
  RHUMB_RETURN_IF_ERROR(progress.Status());
  RHUMB_ASSIGN_OR_RETURN(const Rows kept, SelectRows(all, selection.kept, should_stop));
  RHUMB_RETURN_IF_ERROR(CheckHoldout(options, kept, selection));
  RHUMB_ASSIGN_OR_RETURN(const Rows rows, SelectRows(kept, selection.train, should_stop));
  answer.observation_count = rows.size();
  answer.run_count = rows.run_count;
  answer.held_out_count = static_cast<int>(selection.test.size());
  if (options.method == FitMethod::kIsoFlop || options.method == FitMethod::kEnvelope) {
    RHUMB_RETURN_IF_ERROR(FitTrendLaw(rows, options, progress.Stage(0, 1, "bootstrap"), answer));
    for (IsoFlopBudget& budget : answer.isoflop_budgets) {
      for (int& row : budget.rows) row = selection.InSet(row);
    }
    RHUMB_RETURN_IF_ERROR(progress.Status());
    return answer;
  }

  if (!GivesLossSurface(options.method)) {
    std::vector<Observation> fitted;
    for (int row = 0; row < rows.size(); ++row) {
      fitted.push_back(observations.observations[static_cast<size_t>(selection.InSet(row))]);
    }
    RHUMB_RETURN_IF_ERROR(FitRecipe(fitted, options, answer));
    return answer;
  }

  FormSpec spec;
  if (options.family == "auto") {
    RHUMB_ASSIGN_OR_RETURN(FormChoice choice, ChooseForm(rows, ToFitOptions(options, progress),
                                                         progress.Stage(0, 0.2, "choose form")));
    spec = std::move(choice.spec);
    answer.trials = std::move(choice.trials);
    AddChoiceWarnings(spec, ToFitOptions(options, progress), rows, answer);
  } else {
    RHUMB_ASSIGN_OR_RETURN(spec,
                           MakeSpec(*FindForm(options.family), ToFitOptions(options, progress)));
  }
  RHUMB_RETURN_IF_ERROR(progress.Status());
  answer.family = std::string(spec.form->name());
  answer.formula = std::string(spec.form->formula());
  RHUMB_RETURN_IF_ERROR(spec.form->CheckRows(rows));
  answer.identifiability = DiagnoseData(spec, rows);
  if (!answer.identifiability.identifiable) {
    answer.termination = "not fitted: the data do not identify the law";
    return answer;
  }
  const absl::StatusOr<FitResult> reached = FitForm(*spec.form, rows, spec.options);
  if (absl::IsFailedPrecondition(reached.status())) {
    // An unconverged fit is not a law: it is a finding about the data.
    answer.termination = std::string(reached.status().message());
    answer.identifiability.identifiable = false;
    for (const ParameterInfo& info : spec.form->parameters()) {
      if (spec.options.fixed.count(info.symbol) > 0) continue;
      answer.identifiability.undetermined.emplace_back(info.symbol, answer.termination);
    }
    return answer;
  }
  if (!reached.ok()) return reached.status();
  const FitResult& fit = *reached;
  DiagnoseFit(spec, fit, rows, answer.identifiability);
  RHUMB_RETURN_IF_ERROR(progress.Status());
  AddFitWarnings(spec, fit, rows, answer);
  RHUMB_RETURN_IF_ERROR(progress.Status());
  answer.termination = std::string(TerminationName(fit.summary.termination));
  answer.objective = fit.objective;
  answer.iteration_count = fit.summary.iteration_count;
  answer.start_count = fit.start_count;
  answer.local_minima = fit.local_minima;
  for (Outlier& outlier : FindOutliers(fit, rows)) {
    outlier.observation = selection.InSet(outlier.observation);
    answer.outliers.push_back(outlier);
  }
  RHUMB_RETURN_IF_ERROR(progress.Status());
  const ResidualPool pool(fit, rows);
  answer.residual_log_std = pool.std();
  answer.residual_log_robust_std = pool.robust_std();

  // Where only the floor is in doubt the law still predicts, and its errors are worth knowing.
  const auto& undetermined = answer.identifiability.undetermined;
  const bool predicts =
      undetermined.empty() || (undetermined.size() == 1 && undetermined.front().first == "E");
  if (!predicts) {
    AddConstants(spec, fit, rows, {}, options.level, answer);
    RHUMB_RETURN_IF_ERROR(progress.At(1, "done"));
    return answer;
  }
  const double split = options.family == "auto" ? 0.25 : 0.05;
  std::optional<Predictor> predictor;
  ParameterDraws draws;
  if (options.bootstrap_count > 0) {
    absl::StatusOr<Predictor> created =
        Predictor::Create(spec, RivalsOf(spec, rows), rows,
                          {.draw_count = options.bootstrap_count,
                           .seed = options.seed,
                           .progress = progress.Stage(split, 0.6, "bootstrap")});
    if (absl::IsCancelled(created.status())) return created.status();
    if (created.ok()) {
      predictor = *std::move(created);
      draws = predictor->law().draws;
      answer.covariance_source =
          absl::StrFormat("bootstrap by %s, %d draws", draws.by_residuals ? "residuals" : "runs",
                          draws.thetas.rows());
    } else {
      MarkAllUndetermined(fit, std::string(created.status().message()), answer);
    }
  } else {
    const absl::StatusOr<ParameterMatrix> sandwich = SandwichCovariance(fit, rows);
    if (sandwich.ok()) {
      draws = NormalDraws(fit, *sandwich, pool.degrees(), options.seed);
      answer.covariance_source = "sandwich by runs, factor n/(n-p)";
    } else {
      MarkAllUndetermined(fit, std::string(sandwich.status().message()), answer);
    }
  }
  AddConstants(spec, fit, rows, draws, options.level, answer);
  RHUMB_RETURN_IF_ERROR(progress.Status());
  if (predictor.has_value()) {
    AddDecisions(*predictor, rows, options.target_loss_nats, options.level, answer);
  }
  RHUMB_RETURN_IF_ERROR(
      AddBacktest(spec, kept, selection, options, progress.Stage(0.6, 1, "back-test"), answer));
  if (answer.identifiability.identifiable) {
    answer.law = MakeLaw(fit, rows, observations, selection.kept, answer);
  }
  RHUMB_RETURN_IF_ERROR(progress.At(1, "done"));
  return answer;
}

}  // namespace rhumb
