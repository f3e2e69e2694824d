// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/hyperparameter_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "planner/fit/rows.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

using Cell = std::pair<double, double>;  // (N, D)

absl::Status CheckSweep(absl::Span<const Observation> sweep, bool needs_learning_rate) {
  RHUMB_RETURN_IF_ERROR(MakeRows(sweep).status());
  for (size_t i = 0; i < sweep.size(); ++i) {
    if (!sweep[i].global_batch_tokens.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("observations[", i, "].global_batch_tokens is absent; a sweep needs it"));
    }
    if (needs_learning_rate && !sweep[i].learning_rate.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("observations[", i, "].learning_rate is absent; a sweep needs it"));
    }
  }
  return absl::OkStatus();
}

// ln D at which the loss falls to the target, along (D, loss) by rising D; the first crossing.
std::optional<double> TokensForLoss(const std::map<double, double>& loss_by_tokens, double target) {
  for (auto next = loss_by_tokens.begin(); next != loss_by_tokens.end(); ++next) {
    if (next == loss_by_tokens.begin()) continue;
    const auto before = std::prev(next);
    if (!(before->second >= target && next->second <= target) || before->second == next->second) {
      continue;
    }
    const double fraction =
        std::log(before->second / target) / std::log(before->second / next->second);
    return std::exp(std::log(before->first) + fraction * std::log(next->first / before->first));
  }
  return std::nullopt;
}

// The line D = D_min + s B from the most efficient batch upward; false if it gives no B_crit.
bool FitLine(IsoLossCurve& curve) {
  const auto& points = curve.tokens_by_batch;
  size_t best = 0;
  for (size_t i = 1; i < points.size(); ++i) {
    if (points[i].second < points[best].second) best = i;
  }
  const auto count = static_cast<Eigen::Index>(points.size() - best);
  if (count < 3) return false;
  Eigen::MatrixXd batch(count, 1);
  Eigen::VectorXd tokens(count);
  for (Eigen::Index i = 0; i < count; ++i) {
    batch(i, 0) = points[best + static_cast<size_t>(i)].first;
    tokens[i] = points[best + static_cast<size_t>(i)].second;
  }
  const absl::StatusOr<LinearFit> line = FitLinear(batch, tokens);
  if (!line.ok() || !(line->coefficients[0] > 0) || !(line->coefficients[1] > 0)) return false;
  curve.fitted_batch_count = static_cast<int>(count);
  curve.min_token_count = line->coefficients[0];
  curve.critical_batch_tokens = line->coefficients[0] / line->coefficients[1];
  return true;
}

}  // namespace

absl::StatusOr<HyperparameterFit> FitHyperparameters(absl::Span<const Observation> sweep,
                                                     const HyperparameterOptions& options) {
  if (!(std::isfinite(options.near_best_fraction) && options.near_best_fraction >= 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("near_best_fraction is ", options.near_best_fraction, "; must be 0 or more"));
  }
  RHUMB_RETURN_IF_ERROR(CheckSweep(sweep, /*needs_learning_rate=*/true));
  std::map<Cell, double> least;
  for (const Observation& run : sweep) {
    const auto [cell, is_new] =
        least.try_emplace({run.param_count, run.token_count}, run.loss_nats);
    cell->second = std::min(cell->second, run.loss_nats);
  }
  std::vector<std::vector<double>> counts(2);
  std::vector<double> learning_rate, batch, weights;
  LinearFitOptions linear;
  for (const Observation& run : sweep) {
    const auto cell = least.find({run.param_count, run.token_count});
    if (run.loss_nats > cell->second * (1 + options.near_best_fraction)) continue;
    counts[0].push_back(run.param_count);
    counts[1].push_back(run.token_count);
    learning_rate.push_back(*run.learning_rate);
    batch.push_back(*run.global_batch_tokens);
    linear.group.push_back(static_cast<int>(std::distance(least.begin(), cell)));
    weights.push_back(run.weight);
  }
  linear.weight =
      Eigen::Map<const Eigen::VectorXd>(weights.data(), static_cast<Eigen::Index>(weights.size()));
  HyperparameterFit fit;
  fit.cell_count = static_cast<int>(least.size());
  fit.observation_count = static_cast<int>(batch.size());
  RHUMB_ASSIGN_OR_RETURN(fit.learning_rate, FitPowerLaw(counts, learning_rate, linear));
  RHUMB_ASSIGN_OR_RETURN(fit.batch_tokens,
                         FitPowerLaw(absl::MakeSpan(&counts[1], 1), batch, linear));
  return fit;
}

absl::StatusOr<CriticalBatchFit> FitCriticalBatch(absl::Span<const Observation> sweep,
                                                  const CriticalBatchOptions& options) {
  if (!(std::isfinite(options.target_factor) && options.target_factor >= 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("target_factor is ", options.target_factor, "; must be 1 or more"));
  }
  RHUMB_RETURN_IF_ERROR(CheckSweep(sweep, /*needs_learning_rate=*/false));
  // Least loss over learning rates: N -> batch -> D -> loss, and N -> D -> loss.
  std::map<double, std::map<double, std::map<double, double>>> by_batch;
  std::map<double, std::map<double, double>> by_tokens;
  const auto keep_least = [](std::map<double, double>& losses, double tokens, double loss) {
    const auto [entry, is_new] = losses.try_emplace(tokens, loss);
    entry->second = std::min(entry->second, loss);
  };
  for (const Observation& run : sweep) {
    keep_least(by_batch[run.param_count][*run.global_batch_tokens], run.token_count, run.loss_nats);
    keep_least(by_tokens[run.param_count], run.token_count, run.loss_nats);
  }
  CriticalBatchFit fit;
  for (const auto& [param_count, best_losses] : by_tokens) {
    for (auto at = best_losses.begin(); at != best_losses.end(); ++at) {
      if (at == best_losses.begin() || std::next(at) == best_losses.end()) continue;
      IsoLossCurve curve;
      curve.param_count = param_count;
      curve.loss_nats = options.target_factor * at->second;
      for (const auto& [batch, losses] : by_batch[param_count]) {
        if (static_cast<int>(losses.size()) < options.min_token_counts) continue;
        const std::optional<double> tokens = TokensForLoss(losses, curve.loss_nats);
        if (tokens.has_value()) curve.tokens_by_batch.emplace_back(batch, *tokens);
      }
      if (FitLine(curve)) fit.curves.push_back(std::move(curve));
    }
  }
  if (fit.curves.empty()) {
    return absl::FailedPreconditionError(
        "no size has three batches that reach one loss: the sweep needs several batches at three "
        "or more token counts");
  }
  if (fit.curves.size() >= 3) {
    std::vector<std::vector<double>> loss(1), tokens(1);
    std::vector<double> critical;
    for (const IsoLossCurve& curve : fit.curves) {
      loss[0].push_back(curve.loss_nats);
      tokens[0].push_back(curve.min_token_count);
      critical.push_back(curve.critical_batch_tokens);
    }
    if (absl::StatusOr<PowerLawFit> law = FitPowerLaw(loss, critical); law.ok()) {
      fit.by_loss = *std::move(law);
    }
    if (absl::StatusOr<PowerLawFit> law = FitPowerLaw(tokens, critical); law.ok()) {
      fit.by_tokens = *std::move(law);
    }
  }
  return fit;
}

}  // namespace rhumb
