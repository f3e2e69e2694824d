// SPDX-License-Identifier: Apache-2.0
#include "daemon/law_suggest.h"

#include <string>

#include "daemon/law_lookup.h"
#include "daemon/law_validate.h"
#include "daemon/validate.h"
#include "planner/fit/run_groups.h"
#include "planner/fit/suggest.h"
#include "planner/laws/loss_model.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

SuggestOptions OptionsOf(const v1::SuggestExperimentsRequest& request) {
  SuggestOptions options;
  options.target = request.goal() == v1::SuggestExperimentsRequest::GOAL_PARAMS
                       ? SuggestTarget::kLogParams
                       : SuggestTarget::kLogLoss;
  options.target_flops = request.target_compute_flops();
  options.budget_flops = request.budget_flops();
  if (request.has_count()) options.max_run_count = static_cast<int>(request.count());
  // The planner's 0 is our absent.
  options.min_param_count = request.min_param_count();
  options.max_param_count = request.max_param_count();
  options.min_tokens_per_param = request.min_tokens_per_param();
  options.max_tokens_per_param = request.max_tokens_per_param();
  return options;
}

v1::SuggestExperimentsResponse::Experiment ToProto(const RunGroup& group, const Law& law) {
  v1::SuggestExperimentsResponse::Experiment out;
  const SuggestedRun& run = group.run;
  out.set_param_count(run.param_count);
  out.set_token_count(run.token_count);
  out.set_training_flops(run.training_flops);
  TokenUse use;
  use.token_count = run.token_count;
  out.set_predicted_loss_nats(PredictLoss(law, run.param_count, use));
  out.set_expected_std(run.std_after);
  out.set_run_count(group.count);
  return out;
}

absl::Status ExplainSuggestError(const absl::Status& status, const Law& law) {
  const bool has_errors = law.covariance.has_value() && law.residual_log_std.value_or(0) > 0;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return FieldError("", status.message());
    case absl::StatusCode::kFailedPrecondition:
      return ErrorWithReason(status.code(),
                             has_errors ? "BUDGET_BUYS_NO_RUN" : "LAW_HAS_NO_COVARIANCE",
                             status.message());
    default:
      return status;
  }
}

}  // namespace

absl::StatusOr<v1::SuggestExperimentsResponse> AnswerSuggestExperiments(
    const v1::SuggestExperimentsRequest& request, Store& store) {
  FieldViolations violations;
  ValidateSuggestExperimentsRequest(request, violations);
  RHUMB_ASSIGN_OR_RETURN(const Law law, ResolveLaw(request.law(), "law", store, violations));
  RHUMB_RETURN_IF_ERROR(violations.ToStatus());
  const SuggestOptions options = OptionsOf(request);
  const absl::StatusOr<Suggestion> suggestion = SuggestRuns(law, options);
  if (!suggestion.ok()) return ExplainSuggestError(suggestion.status(), law);
  v1::SuggestExperimentsResponse response;
  for (const RunGroup& group : GroupRuns(law, options, suggestion->runs)) {
    *response.add_experiments() = ToProto(group, law);
  }
  for (const RunGroup& group : GroupRuns(law, options, suggestion->grid_runs)) {
    *response.add_grid() = ToProto(group, law);
  }
  response.set_std_before(suggestion->std_before);
  response.set_std_after(suggestion->std_after);
  response.set_grid_std_after(suggestion->grid_std_after);
  response.set_goal(request.goal() == v1::SuggestExperimentsRequest::GOAL_UNSPECIFIED
                        ? v1::SuggestExperimentsRequest::GOAL_LOSS
                        : request.goal());
  response.set_training_flops(suggestion->training_flops);
  response.set_grid_flops(suggestion->grid_flops);
  for (const auto& [code, text] : suggestion->warnings) {
    v1::Plan::Warning& warning = *response.add_warnings();
    warning.set_code(code);
    warning.set_text(text);
  }
  FindNonFinite(response, violations);
  if (!violations.empty()) return absl::InternalError(std::string(violations.ToStatus().message()));
  return response;
}

}  // namespace rhumb::daemon
