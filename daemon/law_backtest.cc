// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_backtest.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/convert_law.h"
#include "daemon/fit_convert.h"
#include "daemon/law_lookup.h"
#include "daemon/law_validate.h"
#include "daemon/observation_rows.h"
#include "daemon/validate.h"
#include "planner/fit/fit_law.h"
#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr double kDefaultLevel = 0.9;
constexpr int64_t kMaxPredictions = 10000;
constexpr size_t kRowsPerStop = 1000;

void Warn(absl::string_view code, absl::string_view text, v1::BacktestLawResponse& response) {
  auto& warning = *response.add_warnings();
  warning.set_code(std::string(code));
  warning.set_text(std::string(text));
}

std::string Words(const std::string& text) { return text.empty() ? "unstated" : text; }

// Losses under other tokenizers and data, or counts under other conventions, are not comparable;
// the answer is given all the same.
void WarnOfConventions(const Law& law, const ObservationSet& set,
                       v1::BacktestLawResponse& response) {
  if (law.param_count_convention != set.param_count_convention) {
    Warn("PARAM_COUNT_CONVENTION_DIFFERS",
         absl::StrCat("the observations count parameters otherwise than ", law.name), response);
  }
  if (law.tokenizer != set.tokenizer) {
    Warn("TOKENIZER_DIFFERS",
         absl::StrCat("tokenizer ", Words(set.tokenizer), " of the observations, ",
                      Words(law.tokenizer), " of ", law.name,
                      ": losses in nats per token are not comparable"),
         response);
  }
  if (law.dataset != set.dataset) {
    Warn("DATASET_DIFFERS",
         absl::StrCat("data set ", Words(set.dataset), " of the observations, ", Words(law.dataset),
                      " of ", law.name),
         response);
  }
}

// Sums over the runs of a set: the last row of each run, as the one that training ends with.
struct Score {
  int64_t count = 0, covered = 0, with_interval = 0;
  double absolute = 0, square = 0, signed_sum = 0, half_width = 0;
};

// Whether a row is the furthest of its run.
std::vector<bool> LastOfRun(const std::vector<v1::Observation>& rows) {
  std::map<std::string, size_t> last;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].run().empty()) continue;
    const auto [known, is_new] = last.emplace(rows[i].run(), i);
    if (!is_new && rows[i].token_count() >= rows[known->second].token_count()) known->second = i;
  }
  std::vector<bool> is_last(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    is_last[i] = rows[i].run().empty() || last[rows[i].run()] == i;
  }
  return is_last;
}

v1::BacktestLawResponse::Prediction Predict(const Law& law, const v1::Observation& row,
                                            double level) {
  TokenUse use;
  use.token_count = row.token_count();
  if (row.has_unique_token_count()) use.unique_token_count = row.unique_token_count();
  v1::BacktestLawResponse::Prediction out;
  const double predicted = PredictLoss(law, row.param_count(), use);
  out.set_line(row.line());
  out.set_measured_nats(row.loss_nats());
  out.mutable_predicted()->set_mean_nats(predicted);
  if (const auto interval = PredictRunInterval(law, row.param_count(), use, level)) {
    out.mutable_predicted()->set_low_nats(interval->low_nats);
    out.mutable_predicted()->set_high_nats(interval->high_nats);
    out.mutable_predicted()->set_level(level);
  }
  out.set_error_fraction(predicted / row.loss_nats() - 1);
  return out;
}

void Count(const v1::BacktestLawResponse::Prediction& prediction, Score& score) {
  const double error = prediction.error_fraction();
  ++score.count;
  score.absolute += std::abs(error);
  score.square += error * error;
  score.signed_sum += error;
  const v1::LossEstimate& predicted = prediction.predicted();
  if (!predicted.has_low_nats()) return;
  ++score.with_interval;
  score.half_width += (predicted.high_nats() - predicted.low_nats()) / (2 * predicted.mean_nats());
  if (prediction.measured_nats() >= predicted.low_nats() &&
      prediction.measured_nats() <= predicted.high_nats()) {
    ++score.covered;
  }
}

v1::Backtest Summarize(const Law& law, const Score& score, double level) {
  v1::Backtest out;
  const auto count = static_cast<double>(score.count);
  out.set_family(law.name);
  out.set_level(level);
  out.set_observation_count(score.count);
  out.set_mean_abs_error_fraction(score.absolute / count);
  out.set_rmse_fraction(std::sqrt(score.square / count));
  v1::Backtest::Split& split = *out.add_splits();
  split.set_test_count(score.count);
  split.set_mean_abs_error_fraction(out.mean_abs_error_fraction());
  split.set_rmse_fraction(out.rmse_fraction());
  split.set_bias_fraction(score.signed_sum / count);
  if (score.with_interval == score.count) {
    out.set_coverage(static_cast<double>(score.covered) / count);
    split.set_coverage(out.coverage());
    split.set_mean_interval_fraction(score.half_width / count);
  }
  return out;
}

absl::StatusOr<v1::BacktestLawResponse> JudgeLaw(const Law& law, const ObservationSet& header,
                                                 const std::vector<v1::Observation>& rows,
                                                 double level,
                                                 const std::function<bool()>& should_stop) {
  v1::BacktestLawResponse response;
  WarnOfConventions(law, header, response);
  const std::vector<bool> is_last = LastOfRun(rows);
  Score score;
  for (size_t i = 0; i < rows.size(); ++i) {
    if (i % kRowsPerStop == 0 && should_stop()) {
      return absl::CancelledError("the back-test was cancelled");
    }
    v1::BacktestLawResponse::Prediction prediction = Predict(law, rows[i], level);
    prediction.set_observation(static_cast<int64_t>(i));
    if (is_last[i]) Count(prediction, score);
    if (response.predictions_size() < kMaxPredictions) {
      *response.add_predictions() = std::move(prediction);
    }
  }
  *response.mutable_backtest() = Summarize(law, score, level);
  if (!response.backtest().has_coverage()) {
    Warn("NO_INTERVALS",
         absl::StrCat(law.name,
                      " has no covariance or no residual_log_std, so its runs have no "
                      "intervals"),
         response);
  }
  FieldViolations broken;
  FindNonFinite(response, broken);
  if (!broken.empty()) return absl::InternalError(std::string(broken.ToStatus().message()));
  return response;
}

absl::StatusOr<v1::BacktestLawResponse> JudgeForm(const v1::LawFitOptions& asked,
                                                  ObservationSet observations,
                                                  const std::vector<v1::Observation>& rows,
                                                  const std::function<bool()>& should_stop) {
  observations.observations.reserve(rows.size());
  for (const v1::Observation& row : rows) observations.observations.push_back(FromProto(row));
  LawFitOptions options = FromProto(asked);
  options.should_stop = should_stop;
  const absl::StatusOr<LawFit> fit = FitLaw(observations, options);
  if (absl::IsInvalidArgument(fit.status())) return FieldError("options", fit.status().message());
  RHUMB_RETURN_IF_ERROR(fit.status());
  if (!fit->backtest.has_value() || fit->backtest->observation_count == 0) {
    return ErrorWithReason(
        absl::StatusCode::kFailedPrecondition, "TOO_FEW_RUNS",
        absl::StrCat(fit->run_count, " runs are too few to hold out the larger ones"));
  }
  v1::BacktestLawResponse response;
  *response.mutable_backtest() = ToProto(*fit->backtest);
  for (const auto& [code, text] : fit->warnings) Warn(code, text, response);
  ClearNonFinite(response);
  return response;
}

}  // namespace

absl::StatusOr<v1::BacktestLawResponse> AnswerBacktestLaw(
    const v1::BacktestLawRequest& request, Store& store, const std::function<bool()>& should_stop) {
  FieldViolations violations;
  ValidateBacktestLawRequest(request, violations);
  std::optional<Law> law;
  if (!request.law().empty()) {
    RHUMB_ASSIGN_OR_RETURN(law, ResolveLaw(request.law(), "law", store, violations));
  }
  RHUMB_RETURN_IF_ERROR(violations.ToStatus());
  RHUMB_ASSIGN_OR_RETURN(const StoredObservationSet set,
                         ResolveObservations(request.observations(), "observations", store));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::Observation> rows,
                         ReadObservations(set.name, 0, set.row_count, store));
  if (rows.empty()) return absl::NotFoundError(absl::StrCat(set.name, " was deleted meanwhile"));
  RHUMB_ASSIGN_OR_RETURN(const v1::ObservationSet header, ToMessage(set));
  if (law.has_value()) {
    return JudgeLaw(*law, FromProto(header), rows,
                    request.has_level() ? request.level() : kDefaultLevel, should_stop);
  }
  return JudgeForm(request.options(), FromProto(header), rows, should_stop);
}

}  // namespace rhumb::daemon
