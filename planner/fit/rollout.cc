// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/rollout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/status/status.h"
#include "planner/fit/draws.h"
#include "planner/fit/identifiability.h"

namespace rhumb {
namespace {

// Compute given with two digits must not split one isoFLOP budget: sizes closer than this are one.
constexpr double kSameReach = 0.02;
// Rows whose draws are held in memory at a time.
constexpr int kRowsAtATime = 4096;

const Eigen::ArrayXd& Column(const Rows& rows, RollOutAxis axis) {
  return axis == RollOutAxis::kCompute ? rows.log_flops : rows.log_params;
}

// Half the distance between the 16% and 84% quantiles: wild draws do not set it.
double QuantileDeviation(std::vector<double> values) {
  const double low = Quantile(values, 0.16);
  return 0.5 * (SortedQuantile(values, 0.84) - low);
}

// By how far the draws move the prediction of each row; nullopt if told to stop.
std::optional<Eigen::ArrayXd> DeviationOfDraws(const FitResult& fit, const ParameterDraws& draws,
                                               const Rows& rows, const Eigen::ArrayXd& predicted,
                                               const std::function<bool()>& should_stop) {
  Eigen::ArrayXd deviation(rows.size());
  for (int begin = 0; begin < rows.size(); begin += kRowsAtATime) {
    if (should_stop && should_stop()) return std::nullopt;
    std::vector<int> part(static_cast<size_t>(std::min(kRowsAtATime, rows.size() - begin)));
    std::iota(part.begin(), part.end(), begin);
    const Rows at = SelectRows(rows, part);
    const auto center = predicted.segment(begin, at.size());
    Eigen::MatrixXd values(draws.thetas.rows(), at.size());
    for (Eigen::Index k = 0; k < values.rows(); ++k) {
      values.row(k) = draws.stretch[static_cast<size_t>(k)] *
                      (fit.form->PredictLogLoss(draws.thetas.row(k).transpose(), at) - center);
    }
    for (Eigen::Index i = 0; i < values.cols(); ++i) {
      deviation[begin + i] = QuantileDeviation(
          std::vector<double>(values.col(i).data(), values.col(i).data() + values.rows()));
    }
  }
  return deviation;
}

}  // namespace

std::vector<double> RunReach(const Rows& rows, RollOutAxis axis) {
  std::vector<double> reach(static_cast<size_t>(rows.run_count),
                            -std::numeric_limits<double>::infinity());
  for (int i = 0; i < rows.size(); ++i) {
    double& run = reach[static_cast<size_t>(rows.run[static_cast<size_t>(i)])];
    run = std::max(run, Column(rows, axis)[i]);
  }
  return reach;
}

std::optional<Origin> SplitAt(const Rows& rows, RollOutAxis axis, double train_max) {
  const std::vector<double> reach = RunReach(rows, axis);
  Origin origin{.train_max = train_max};
  std::vector<int> last(reach.size(), -1);
  for (int i = 0; i < rows.size(); ++i) {
    const auto run = static_cast<size_t>(rows.run[static_cast<size_t>(i)]);
    if (reach[run] <= train_max) {
      origin.train.push_back(i);
    } else if (last[run] < 0 || rows.log_tokens[i] >= rows.log_tokens[last[run]]) {
      last[run] = i;
    }
  }
  for (const int row : last) {
    if (row >= 0) origin.test.push_back(row);
  }
  std::sort(origin.test.begin(), origin.test.end());
  if (origin.train.empty() || origin.test.empty()) return std::nullopt;
  return origin;
}

std::vector<Origin> MakeOrigins(const Rows& rows, RollOutAxis axis, int min_train_runs,
                                int max_count) {
  std::vector<double> reach = RunReach(rows, axis);
  std::sort(reach.begin(), reach.end());
  std::vector<Origin> origins;
  if (static_cast<int>(reach.size()) <= min_train_runs || min_train_runs < 1) return origins;
  const double low = reach[static_cast<size_t>(min_train_runs) - 1];
  const double high = reach.back();
  size_t trained = 0;
  for (int k = 0; k < max_count; ++k) {
    double cut = low + (high - low) * k / max_count + 1e-9;
    // Up to the end of the cluster that the cut falls into.
    for (const double size : reach) {
      if (size > cut && size <= cut + kSameReach) cut = size;
    }
    std::optional<Origin> origin = SplitAt(rows, axis, cut);
    if (!origin.has_value() || origin->train.size() == trained) continue;
    trained = origin->train.size();
    origins.push_back(*std::move(origin));
  }
  return origins;
}

absl::StatusOr<std::vector<std::vector<OriginOutcome>>> RollOut(const std::vector<FormSpec>& specs,
                                                                const Rows& rows,
                                                                const std::vector<Origin>& origins,
                                                                const RollOutOptions& options) {
  std::vector<std::vector<OriginOutcome>> outcomes(origins.size());
  for (size_t o = 0; o < origins.size(); ++o) {
    const Rows train = SelectRows(rows, origins[o].train);
    const Rows test = SelectRows(rows, origins[o].test);
    for (size_t s = 0; s < specs.size(); ++s) {
      if (options.progress &&
          !options.progress(static_cast<double>(o * specs.size() + s) /
                            static_cast<double>(origins.size() * specs.size()))) {
        return absl::CancelledError("the roll-out was cancelled");
      }
      OriginOutcome& outcome = outcomes[o].emplace_back();
      if (train.run_count <= specs[s].free_count) continue;
      // A fit to runs of one compute, or one size, says nothing of how the form predicts.
      if (!DiagnoseData(specs[s], train).identifiable) continue;
      const absl::StatusOr<FitResult> fit = FitForm(*specs[s].form, train, specs[s].options);
      if (absl::IsCancelled(fit.status())) return fit.status();
      if (!fit.ok()) continue;
      const Eigen::ArrayXd predicted = fit->form->PredictLogLoss(fit->theta, test);
      if (!predicted.isFinite().all()) continue;
      outcome.fitted = true;
      outcome.error = test.log_loss - predicted;
      outcome.residual_std = ResidualPool(*fit, train).std();
      outcome.deviation = Eigen::ArrayXd::Zero(test.size());
      if (options.draw_count == 0) continue;
      const absl::StatusOr<ParameterDraws> draws = DrawParameters(
          *fit, specs[s].options, train, {.draw_count = options.draw_count, .seed = options.seed});
      if (absl::IsCancelled(draws.status())) return draws.status();
      if (!draws.ok()) {
        outcome.fitted = false;
        continue;
      }
      std::optional<Eigen::ArrayXd> deviation =
          DeviationOfDraws(*fit, *draws, test, predicted, specs[s].options.minimize.should_stop);
      if (!deviation.has_value()) return absl::CancelledError("the roll-out was cancelled");
      outcome.deviation = *std::move(deviation);
    }
  }
  return outcomes;
}

double RollOutRms(const std::vector<std::vector<OriginOutcome>>& outcomes, size_t spec) {
  double sum = 0;
  int count = 0;
  for (const std::vector<OriginOutcome>& origin : outcomes) {
    if (!origin[spec].fitted) continue;
    sum += origin[spec].error.square().mean();
    ++count;
  }
  return count > 0 ? std::sqrt(sum / count) : std::numeric_limits<double>::infinity();
}

}  // namespace rhumb
