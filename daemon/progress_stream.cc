// SPDX-License-Identifier: Apache-2.0
#include "daemon/progress_stream.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "daemon/expected_run.h"
#include "daemon/job_news.h"
#include "daemon/rpc_status.h"
#include "daemon/runs.h"
#include "daemon/sample_messages.h"
#include "daemon/validate.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

// Of a step as planned; 0: nobody says.
absl::StatusOr<int64_t> PlannedStepTokens(const std::string& plan_name, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan, FindPlanMessage(plan_name, store));
  return plan.has_value() ? plan->batch().global_batch_tokens() : 0;
}

// The stretch that `replan` begins, behind `before`: at the step whose tokens were done then.
absl::StatusOr<StepStretch> StretchBehind(const StepStretch& before, const StoredReplan& replan,
                                          Store& store) {
  v1::RunReplan told;
  if (!told.ParseFromString(replan.content)) {
    return absl::DataLossError(absl::StrCat(replan.run, " is damaged in the store"));
  }
  StepStretch stretch = {.since_ns = replan.time_ns};
  RHUMB_ASSIGN_OR_RETURN(stretch.step_tokens, PlannedStepTokens(replan.to_plan, store));
  if (stretch.step_tokens == 0) {
    stretch.why_unknown = absl::StrCat(replan.to_plan, " does not say the tokens of a step");
    return stretch;
  }
  if (stretch.step_tokens == before.step_tokens) {
    stretch.first_step = before.first_step;
    stretch.first_token_count = before.first_token_count;
    return stretch;
  }
  const int64_t done = told.done_token_count() - before.first_token_count;
  if (before.step_tokens == 0 || done < 0 || done % before.step_tokens != 0) {
    stretch.step_tokens = 0;
    stretch.why_unknown = absl::StrCat("the run got another batch when it was planned anew, after ",
                                       told.done_token_count(),
                                       " tokens, and of how many steps those are is not known");
    return stretch;
  }
  stretch.first_step = before.first_step + done / before.step_tokens;
  stretch.first_token_count = told.done_token_count();
  return stretch;
}

// What the run was created with holds until it was planned anew.
absl::StatusOr<std::vector<StepStretch>> StretchesOf(const StoredRun& run, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReplan> replans,
                         store.samples().Replans(run.name));
  RHUMB_ASSIGN_OR_RETURN(const v1::RunSettings settings, SettingsOf(run));
  StepStretch stretch;
  stretch.step_tokens = settings.global_batch_tokens();
  if (stretch.step_tokens == 0) {
    RHUMB_ASSIGN_OR_RETURN(
        stretch.step_tokens,
        PlannedStepTokens(replans.empty() ? run.plan : replans.front().from_plan, store));
  }
  stretch.why_unknown =
      "neither the run's settings (global_batch_tokens) nor a plan of it say the tokens of a step";
  std::vector<StepStretch> stretches = {stretch};
  for (const StoredReplan& replan : replans) {
    RHUMB_ASSIGN_OR_RETURN(stretch, StretchBehind(stretches.back(), replan, store));
    stretches.push_back(stretch);
  }
  return stretches;
}

}  // namespace

ProgressStream::ProgressStream(grpc::CallbackServerContext& context,
                               v1::ReportProgressResponse* response, const PeerRegistry& peers,
                               const ProgressContext& progress)
    : call_(context, "RunService/ReportProgress", peers),
      response_(response),
      progress_(progress) {}

ProgressStream* ProgressStream::Start(grpc::CallbackServerContext& context,
                                      v1::ReportProgressResponse* response,
                                      const PeerRegistry& peers, const ProgressContext& progress) {
  auto* stream = new ProgressStream(context, response, peers, progress);
  stream->StartRead(&stream->message_);
  return stream;
}

void ProgressStream::OnReadDone(bool ok) {
  if (ok) {
    const auto request = std::make_shared<const v1::ReportProgressRequest>(std::move(message_));
    OnWorker([this, request] { return StoreMessage(*request); }, [this] { StartRead(&message_); });
  } else if (call_.IsCancelled()) {
    // The caller has gone, or has sent what cannot be read. What came before is stored.
    End(absl::CancelledError("the caller has gone"));
  } else {
    OnWorker([this] { return Answer(); }, [this] { End(absl::OkStatus()); });
  }
}

template <typename Work, typename Next>
void ProgressStream::OnWorker(const Work& work, const Next& next) {
  const bool accepted = progress_.workers.Submit([this, work, next] {
    absl::Status status;
    {
      // One message at a time by gRPC's order, which the thread sanitizer does not see.
      const std::lock_guard<std::mutex> lock(mutex_);
      status = work();
    }
    if (status.ok()) {
      next();
    } else {
      End(status);
    }
  });
  if (!accepted) {
    End(ErrorWithReason(absl::StatusCode::kResourceExhausted, "TOO_MANY_REPORTS",
                        "too many reports are waiting; try again later"));
  }
}

absl::Status ProgressStream::TakeNames(const v1::ReportProgressRequest& request) {
  FieldViolations violations;
  if (!request.run().empty()) {
    run_ = ResourceName("runs", request.run(), "run", violations);
  } else if (run_.empty()) {
    violations.Add("run", "is missing");
  }
  if (!request.attempt_id().empty() || attempt_id_.empty()) {
    attempt_id_ = request.attempt_id();
    CheckAttemptId(attempt_id_, violations);
  }
  return violations.ToStatus();
}

// What came late is still of the run: its end is known by the clock of another machine.
absl::Status ProgressStream::MayReport(const StoredRun& run,
                                       const std::vector<StoredSample>& samples) const {
  RHUMB_RETURN_IF_ERROR(MayChangeRun(run, call_.caller()));
  if (IsOpen(run.state) || run.job_count > 0) return absl::OkStatus();
  const double end_seconds = static_cast<double>(run.end_time_ns + kClockSkewNs) * 1e-9;
  for (const StoredSample& each : samples) {
    if (each.sample.time_seconds > end_seconds) {
      return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "RUN_HAS_ENDED",
                             absl::StrCat(run.name, " has ended: ", NameOf(run.state)));
    }
  }
  return absl::OkStatus();
}

absl::Status ProgressStream::StoreMessage(const v1::ReportProgressRequest& request) {
  RHUMB_RETURN_IF_ERROR(TakeNames(request));
  const int64_t now_ns = progress_.clock();
  FieldViolations violations;
  AttemptSamples news = {run_, attempt_id_,
                         SamplesToStore(request, now_ns + kClockSkewNs, violations)};
  if (!violations.empty()) return violations.ToStatus();
  if (std::any_of(news.samples.begin(), news.samples.end(), LacksTokens)) {
    RHUMB_ASSIGN_OR_RETURN(const StoredRun run, FindRunByName(run_, progress_.store));
    RHUMB_ASSIGN_OR_RETURN(const std::vector<StepStretch> stretches,
                           StretchesOf(run, progress_.store));
    CompleteTokens(stretches, news.samples, violations);
    if (!violations.empty()) return violations.ToStatus();
  }
  const absl::StatusOr<AppendAnswer> answer = progress_.store.samples().Append(
      news, now_ns, [&](const StoredRun& run) { return MayReport(run, news.samples); });
  if (absl::IsNotFound(answer.status())) return NoSuchRun(run_);
  RHUMB_RETURN_IF_ERROR(answer.status());
  response_->set_attempt(answer->attempt);
  response_->set_stored_count(response_->stored_count() + answer->stored_count);
  response_->set_duplicate_count(response_->duplicate_count() + answer->duplicate_count);
  response_->set_late_count(response_->late_count() + answer->late_count);
  response_->set_last_sequence(answer->last_sequence);
  return progress_.monitors.Observe(run_, *answer, news.samples);
}

absl::Status ProgressStream::Answer() {
  if (run_.empty()) return FieldError("run", "is missing; no message arrived");
  RHUMB_ASSIGN_OR_RETURN(const StoredRun run, FindRunByName(run_, progress_.store));
  response_->set_state(ToProto(run.state));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<v1::DriftAlarm> alarms,
                         progress_.monitors.OpenAlarms(run_));
  for (const v1::DriftAlarm& alarm : alarms) *response_->add_alarms() = alarm;
  return absl::OkStatus();
}

void ProgressStream::End(const absl::Status& status) { Finish(call_.Finish(status)); }

}  // namespace rhumb::daemon
