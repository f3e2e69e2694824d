// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_backtest.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/fit_convert.h"
#include "daemon/law_lookup.h"
#include "daemon/law_validate.h"
#include "daemon/observation_rows.h"
#include "daemon/validate.h"
#include "planner/fit/fit_law.h"
#include "planner/fit/judge_law.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

constexpr double kDefaultLevel = 0.9;
constexpr size_t kMaxPredictions = 10000;

using Warnings = std::vector<std::pair<std::string, std::string>>;

void AddWarnings(const Warnings& warnings, v1::BacktestLawResponse& response) {
  for (const auto& [code, text] : warnings) {
    auto& warning = *response.add_warnings();
    warning.set_code(code);
    warning.set_text(text);
  }
}

v1::BacktestLawResponse::Prediction PredictionOf(const JudgedRow& judged,
                                                 const v1::Observation& row) {
  v1::BacktestLawResponse::Prediction out;
  out.set_line(row.line());
  out.set_measured_nats(row.loss_nats());
  v1::LossEstimate& predicted = *out.mutable_predicted();
  predicted.set_mean_nats(judged.predicted_nats);
  if (judged.interval.has_value()) {
    predicted.set_low_nats(judged.interval->low_nats);
    predicted.set_high_nats(judged.interval->high_nats);
    predicted.set_level(judged.interval->level);
  }
  out.set_error_fraction(judged.error_fraction);
  return out;
}

absl::StatusOr<v1::BacktestLawResponse> AnswerOfLaw(const Law& law,
                                                    const ObservationSet& observations,
                                                    const std::vector<v1::Observation>& rows,
                                                    double level,
                                                    const std::function<bool()>& should_stop) {
  RHUMB_ASSIGN_OR_RETURN(const LawJudgement judgement,
                         JudgeLaw(law, observations, level, should_stop));
  v1::BacktestLawResponse response;
  *response.mutable_backtest() = ToProto(judgement.backtest);
  for (size_t i = 0; i < std::min(rows.size(), kMaxPredictions); ++i) {
    v1::BacktestLawResponse::Prediction& prediction = *response.add_predictions();
    prediction = PredictionOf(judgement.rows[i], rows[i]);
    prediction.set_observation(static_cast<int64_t>(i));
  }
  AddWarnings(judgement.warnings, response);
  FieldViolations broken;
  FindNonFinite(response, broken);
  if (!broken.empty()) return absl::InternalError(std::string(broken.ToStatus().message()));
  return response;
}

absl::StatusOr<v1::BacktestLawResponse> AnswerOfForm(const v1::LawFitOptions& asked,
                                                     const ObservationSet& observations,
                                                     const std::function<bool()>& should_stop) {
  LawFitOptions options = FromProto(asked);
  options.should_stop = should_stop;
  const absl::StatusOr<LawFit> fit = FitLaw(observations, options);
  if (!fit.ok()) return ExplainFitError(fit.status(), options, observations);
  if (!fit->backtest.has_value() || fit->backtest->observation_count == 0) {
    const auto& undetermined = fit->identifiability.undetermined;
    if (!undetermined.empty()) {
      return ErrorWithReason(
          absl::StatusCode::kFailedPrecondition, "LAW_NOT_IDENTIFIABLE",
          absl::StrCat("the runs do not determine ", undetermined[0].first, " of the ", fit->family,
                       " form: ", undetermined[0].second));
    }
    return ErrorWithReason(
        absl::StatusCode::kFailedPrecondition, "TOO_FEW_RUNS",
        absl::StrCat(fit->run_count, " runs are too few to hold out the larger ones"));
  }
  v1::BacktestLawResponse response;
  *response.mutable_backtest() = ToProto(*fit->backtest);
  AddWarnings(fit->warnings, response);
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
  const ObservationSet observations = FromProto(header, rows);
  if (law.has_value()) {
    return AnswerOfLaw(*law, observations, rows,
                       request.has_level() ? request.level() : kDefaultLevel, should_stop);
  }
  return AnswerOfForm(request.options(), observations, should_stop);
}

}  // namespace rhumb::daemon
