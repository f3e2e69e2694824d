// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/law_answer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "planner/fit/predictive_covariance.h"
#include "planner/fit/profile.h"
#include "planner/laws/chinchilla.h"

namespace rhumb {
namespace {

// Share of the law's own form in the intervals of its decisions.
constexpr double kLeastOwnWeight = 0.5;
// Fewer runs than this: profile likelihood.
constexpr int kFewRuns = 15;
// E below this fraction of the least loss is near 0.
constexpr double kLowFloor = 0.05;

double ToConstant(const ParameterInfo& info, double theta) {
  return info.is_log ? std::exp(theta) : theta;
}

bool IsNearZero(const FitResult& fit, const Rows& rows) {
  for (size_t j = 0; j < fit.form->parameters().size(); ++j) {
    if (fit.form->parameters()[j].symbol != "E" || !fit.is_free[j]) continue;
    return std::exp(fit.theta[static_cast<Eigen::Index>(j)]) <
           kLowFloor * std::exp(rows.log_loss.minCoeff());
  }
  return false;
}

}  // namespace

void MarkAllUndetermined(const FitResult& fit, const std::string& reason, LawFit& answer) {
  Identifiability& diagnosis = answer.identifiability;
  diagnosis.identifiable = false;
  for (size_t j = 0; j < fit.form->parameters().size(); ++j) {
    const std::string& symbol = fit.form->parameters()[j].symbol;
    const bool known = std::any_of(diagnosis.undetermined.begin(), diagnosis.undetermined.end(),
                                   [&](const auto& entry) { return entry.first == symbol; });
    if (fit.is_free[j] && !known) diagnosis.undetermined.emplace_back(symbol, reason);
  }
}

void AddConstants(const FormSpec& spec, const FitResult& fit, const Rows& rows,
                  const ParameterDraws& draws, double level, LawFit& answer) {
  const std::vector<ParameterInfo>& parameters = fit.form->parameters();
  for (size_t j = 0; j < parameters.size(); ++j) {
    answer.constants.emplace_back(parameters[j].symbol,
                                  ToConstant(parameters[j], fit.theta[static_cast<int>(j)]));
  }
  if (draws.thetas.rows() < 3) return;
  // What is done with an error is linear in theta, and a loss is linear in E, not in ln E: a
  // draw with E -> 0 has lowered the loss by E and not by minus infinity.
  ParameterDraws linear = draws;
  for (size_t j = 0; j < parameters.size(); ++j) {
    if (parameters[j].symbol != "E") continue;
    const auto column = static_cast<Eigen::Index>(j);
    const double center = fit.theta[column];
    linear.thetas.col(column) =
        center + (linear.thetas.col(column).array() - center).unaryExpr([](double x) {
          return std::expm1(x);
        });
  }
  const Eigen::MatrixXd covariance = RobustCovariance(linear);
  std::vector<Eigen::Index> free;
  for (size_t j = 0; j < parameters.size(); ++j) {
    if (!fit.is_free[j]) continue;
    free.push_back(static_cast<Eigen::Index>(j));
    answer.covariance_parameters.push_back(parameters[j].theta_name);
  }
  // The constants' own errors are the spread of the draws; what is done with a law is asked of the
  // covariance it carries. A sandwich is linear from the start and needs no second look.
  const std::optional<Eigen::MatrixXd> carried =
      draws.is_normal ? covariance
                      : PredictiveCovariance(fit, rows, draws,
                                             {.should_stop = spec.options.minimize.should_stop});
  if (!carried.has_value()) return;
  answer.covariance = (*carried)(free, free);
  const bool by_profile = rows.run_count < kFewRuns || IsNearZero(fit, rows);
  for (const Eigen::Index j : free) {
    const ParameterInfo& info = parameters[static_cast<size_t>(j)];
    const double deviation = std::sqrt(covariance(j, j));
    const double value = ToConstant(info, fit.theta[j]);
    // Of a positive constant the error is relative: exp(theta) with theta nearly normal.
    const double error = info.is_log ? value * deviation : deviation;
    answer.std_errors.emplace_back(info.symbol, error);
    Interval interval;
    if (by_profile) {
      interval = ProfileInterval(fit, spec.options, rows, static_cast<int>(j), level);
    } else {
      interval = DecisionInterval(fit, draws, level, false, [j](const ParameterVector& theta) {
                   return theta[j];
                 }).interval;
    }
    answer.intervals.emplace_back(
        info.symbol, Interval{ToConstant(info, interval.low), ToConstant(info, interval.high)});
    const bool is_exponent = !info.is_log;
    if (is_exponent && std::isfinite(error) && error > std::abs(value)) {
      answer.identifiability.identifiable = false;
      answer.identifiability.undetermined.emplace_back(
          info.symbol, absl::StrFormat("its standard error %.2g exceeds it (%.2g): it cannot be "
                                       "told from zero",
                                       error, value));
    } else if (is_exponent && error > 0.5 * std::abs(value)) {
      answer.warnings.emplace_back(
          "LARGE_STD_ERROR",
          absl::StrFormat("%s = %.3g has a standard error of %.2g", info.symbol, value, error));
    }
    if (info.symbol == "E" && answer.identifiability.identifiable &&
        answer.intervals.back().second.low < kLowFloor * value) {
      answer.warnings.emplace_back(
          "FLOOR_UNCERTAIN",
          absl::StrFormat("the interval of E reaches down to %.2g nats: these data hardly show "
                          "where the loss levels off",
                          answer.intervals.back().second.low));
    }
  }
  if (const auto exponent = ParamsExponent(fit, draws, level); exponent.has_value()) {
    answer.params_exponent = exponent->value;
    answer.params_exponent_interval = exponent->interval;
    answer.tokens_exponent = 1 - exponent->value;
    answer.tokens_exponent_interval = {1 - exponent->interval.high, 1 - exponent->interval.low};
  }
}

std::vector<FormDraws> FormsOfDecisions(const Predictor& predictor) {
  const double own = std::max(predictor.law().weight, kLeastOwnWeight);
  const double scale = (1 - own) / (1 - predictor.law().weight);  // of the rivals
  std::vector<FormDraws> forms;
  for (const Predictor::Member& member : predictor.members()) {
    forms.push_back({.fit = &member.fit,
                     .draws = &member.draws,
                     .weight = forms.empty() ? own : scale * member.weight});
  }
  return forms;
}

void AddDecisions(const Predictor& predictor, const Rows& rows,
                  const std::optional<double>& target_loss_nats, double level, LawFit& answer) {
  for (const Predictor::Member& member : predictor.members()) {
    answer.form_weights.push_back({.family = member.spec.name,
                                   .weight = member.weight,
                                   .rollout_rms_fraction = member.rollout_rms});
  }
  answer.slope_error_fraction = predictor.slope_error();
  answer.slope_error_degrees = predictor.slope_degrees();
  const std::vector<FormDraws> forms = FormsOfDecisions(predictor);
  const auto decide_at = [&](double training_flops) -> std::optional<LawDecision> {
    const auto decided = DecideAtCompute(forms, training_flops, level);
    if (!decided.has_value() || !std::isfinite(decided->param_count.value)) return std::nullopt;
    LawDecision decision{.training_flops = decided->training_flops,
                         .param_count = decided->param_count.value,
                         .token_count = decided->token_count.value,
                         .tokens_per_param = decided->tokens_per_param.value,
                         .loss_nats = decided->loss_nats.value,
                         .param_count_interval = decided->param_count.interval,
                         .token_count_interval = decided->token_count.interval,
                         .tokens_per_param_interval = decided->tokens_per_param.interval,
                         .loss_interval = decided->loss_nats.interval};
    Rows at = SelectRows(rows, {0});
    at.log_params[0] = std::log(decision.param_count);
    at.log_tokens[0] = std::log(decision.token_count);
    at.log_unique_tokens[0] = std::numeric_limits<double>::infinity();
    at.log_flops[0] = std::log(decision.training_flops);
    const RunPrediction run = predictor.Predict(at, level).front();
    decision.run_loss_interval = {std::exp(run.low), std::exp(run.high)};
    return decision;
  };
  // The range of what C means in these rows: 6ND, or what was given.
  const double largest = std::exp(rows.log_flops.maxCoeff());
  for (const double factor : {1.0, 10.0, 100.0}) {
    const std::optional<LawDecision> decision = decide_at(factor * largest);
    if (!decision.has_value()) return;
    answer.decisions.push_back(*decision);
  }
  if (!target_loss_nats.has_value()) return;
  const auto least = ComputeForLoss(forms, *target_loss_nats, level);
  std::optional<LawDecision> decision;
  if (least.has_value() && std::isfinite(least->value)) decision = decide_at(least->value);
  if (!decision.has_value()) {
    answer.warnings.emplace_back(
        "TARGET_LOSS_OUT_OF_REACH",
        absl::StrFormat("no compute reaches a loss of %g nats by this law: it levels off above",
                        *target_loss_nats));
    return;
  }
  decision->target_loss_nats = target_loss_nats;
  decision->training_flops_interval = least->interval;
  answer.decisions.push_back(*decision);
}

std::optional<Law> MakeLaw(const FitResult& fit, const Rows& rows,
                           const ObservationSet& observations, const std::vector<int>& kept,
                           const LawFit& answer) {
  const auto constants = ToChinchillaLaw(*fit.form, fit.theta);
  if (!constants.has_value() || !ValidateChinchillaLaw(*constants).ok()) return std::nullopt;
  Law law;
  law.constants = *constants;
  // ln E of an E fixed at 0.
  if (law.constants.irreducible_loss_nats < 1e-30) law.constants.irreducible_loss_nats = 0;
  double data_decay = 0, param_decay = 0;
  for (const auto& [symbol, value] : answer.constants) {
    if (symbol == "R_D") data_decay = value;
    if (symbol == "R_N") param_decay = value;
  }
  if (data_decay > 0) {
    law.family = LawFamily::kDataConstrained;
    law.repetition =
        RepetitionConstants{.data_decay_epochs = data_decay, .param_decay = param_decay};
  }
  law.param_count_convention = observations.param_count_convention;
  law.flops_convention = observations.flops_convention;
  law.tokenizer = observations.tokenizer;
  law.dataset = observations.dataset;
  law.source = absl::StrCat("fitted to ", rows.run_count, " runs: ", fit.form->formula(), ", ",
                            answer.objective_definition,
                            observations.source.empty() ? "" : "; data: ", observations.source);
  if (answer.covariance.rows() > 0) {
    law.covariance = LawCovariance{.parameters = answer.covariance_parameters,
                                   .values = answer.covariance,
                                   .source = answer.covariance_source};
  }
  law.residual_log_std = answer.residual_log_std;
  const Eigen::ArrayXd ratio = rows.log_tokens - rows.log_params;
  law.box = {.min_param_count = std::exp(rows.log_params.minCoeff()),
             .max_param_count = std::exp(rows.log_params.maxCoeff()),
             .min_training_flops = std::exp(rows.log_flops.minCoeff()),
             .max_training_flops = std::exp(rows.log_flops.maxCoeff()),
             .min_tokens_per_param = std::exp(ratio.minCoeff()),
             .max_tokens_per_param = std::exp(ratio.maxCoeff()),
             .max_epoch_count = std::nullopt};
  if (HasRepeatedData(rows)) {
    law.box.max_epoch_count = std::exp((rows.log_tokens - rows.log_unique_tokens).maxCoeff());
  }
  std::vector<double> log_batches;
  for (const int i : kept) {
    const auto& batch = observations.observations[static_cast<size_t>(i)].global_batch_tokens;
    if (batch.has_value()) log_batches.push_back(std::log(*batch));
  }
  if (!log_batches.empty()) law.reference_batch_tokens = std::exp(Quantile(log_batches, 0.5));
  return law;
}

}  // namespace rhumb
