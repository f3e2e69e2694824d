// SPDX-License-Identifier: Apache-2.0
#include "planner/fit/backtest.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "planner/status_macros.h"

namespace rhumb {
namespace {

// Rows predicted at a time: each takes all of the draws, in memory as well.
constexpr int kRowsAtATime = 1000;

absl::StatusOr<std::vector<RunPrediction>> PredictAll(const Predictor& predictor, const Rows& at,
                                                      double level,
                                                      const std::function<bool()>& should_stop) {
  std::vector<RunPrediction> predictions;
  for (int begin = 0; begin < at.size(); begin += kRowsAtATime) {
    if (should_stop && should_stop()) return absl::CancelledError("the back-test was cancelled");
    std::vector<int> part(static_cast<size_t>(std::min(kRowsAtATime, at.size() - begin)));
    std::iota(part.begin(), part.end(), begin);
    for (const RunPrediction& prediction : predictor.Predict(SelectRows(at, part), level)) {
      predictions.push_back(prediction);
    }
  }
  return predictions;
}

}  // namespace

absl::StatusOr<BacktestSplit> BacktestOn(const FormSpec& law, const std::vector<FormSpec>& rivals,
                                         const Rows& train, const Rows& test,
                                         const BacktestOptions& options) {
  RHUMB_ASSIGN_OR_RETURN(const Predictor predictor,
                         Predictor::Create(law, rivals, train, options.predictor));
  std::vector<int> last(static_cast<size_t>(test.run_count), -1);
  for (int i = 0; i < test.size(); ++i) {
    int& row = last[static_cast<size_t>(test.run[static_cast<size_t>(i)])];
    if (row < 0 || test.log_tokens[i] >= test.log_tokens[row]) row = i;
  }
  const Rows judged = SelectRows(test, last);
  BacktestSplit split;
  split.train_max_flops =
      std::exp(options.axis == RollOutAxis::kCompute ? train.log_flops.maxCoeff()
                                                     : train.log_params.maxCoeff());
  split.train_count = train.run_count;
  split.test_count = judged.size();
  RHUMB_ASSIGN_OR_RETURN(
      const std::vector<RunPrediction> predictions,
      PredictAll(predictor, judged, options.level, law.options.minimize.should_stop));
  double squares = 0;
  for (int i = 0; i < judged.size(); ++i) {
    const RunPrediction& prediction = predictions[static_cast<size_t>(i)];
    const double error = std::expm1(prediction.log_loss - judged.log_loss[i]);
    split.mean_abs_error_fraction += std::abs(error);
    split.bias_fraction += error;
    squares += error * error;
    if (judged.log_loss[i] >= prediction.low && judged.log_loss[i] <= prediction.high) {
      split.coverage += 1;
    }
    split.mean_interval_fraction += 0.5 * (prediction.high - prediction.low);
    split.mean_naive_interval_fraction += 0.5 * (prediction.naive_high - prediction.naive_low);
  }
  const double count = judged.size();
  split.mean_abs_error_fraction /= count;
  split.bias_fraction /= count;
  split.rmse_fraction = std::sqrt(squares / count);
  split.coverage /= count;
  split.mean_interval_fraction /= count;
  split.mean_naive_interval_fraction /= count;
  return split;
}

Backtest Summarize(std::string family, std::vector<BacktestSplit> splits, double level) {
  Backtest backtest{.family = std::move(family), .splits = std::move(splits), .level = level};
  double squares = 0;
  for (const BacktestSplit& split : backtest.splits) {
    backtest.observation_count += split.test_count;
    backtest.mean_abs_error_fraction += split.test_count * split.mean_abs_error_fraction;
    backtest.coverage += split.test_count * split.coverage;
    squares += split.test_count * split.rmse_fraction * split.rmse_fraction;
  }
  if (backtest.observation_count > 0) {
    backtest.mean_abs_error_fraction /= backtest.observation_count;
    backtest.coverage /= backtest.observation_count;
    backtest.rmse_fraction = std::sqrt(squares / backtest.observation_count);
  }
  return backtest;
}

absl::StatusOr<Backtest> RollOutBacktest(const FormSpec& law, const std::vector<FormSpec>& rivals,
                                         const Rows& rows, const BacktestOptions& options) {
  // Two runs a parameter: the least that a fit to the training side means anything with.
  const std::vector<Origin> origins =
      MakeOrigins(rows, options.axis, 2 * std::max(law.free_count, 1), options.max_splits);
  std::vector<BacktestSplit> splits;
  for (size_t o = 0; o < origins.size(); ++o) {
    BacktestOptions part = options;
    if (options.predictor.progress) {
      part.predictor.progress = [&, o](double fraction) {
        return options.predictor.progress((static_cast<double>(o) + fraction) /
                                          static_cast<double>(origins.size()));
      };
    }
    absl::StatusOr<BacktestSplit> split = BacktestOn(
        law, rivals, SelectRows(rows, origins[o].train), SelectRows(rows, origins[o].test), part);
    if (absl::IsCancelled(split.status())) return split.status();
    if (split.ok()) splits.push_back(*std::move(split));
  }
  return Summarize(law.name, std::move(splits), options.level);
}

}  // namespace rhumb
