// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_answer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/expected_run.h"
#include "daemon/gpu_types.h"
#include "daemon/job_news.h"
#include "daemon/run_monitors.h"
#include "daemon/run_sunk.h"
#include "daemon/runs.h"
#include "daemon/sample_messages.h"
#include "daemon/stored_message.h"
#include "planner/status_macros.h"

namespace rhumb::daemon {
namespace {

TrackedJob TrackedOf(const v1::Job& job) {
  TrackedJob tracked;
  tracked.job_id = job.job_id();
  tracked.state = FromProto(job.state()).value_or(JobState::kRunning);
  tracked.reason = job.reason();
  tracked.gpu_type = job.gpu_type();
  tracked.gpu_count = job.gpu_count();
  tracked.node_count = job.node_count();
  tracked.submit_seconds = SecondsOf(job.submit_time());
  if (job.has_start_time()) tracked.start_seconds = SecondsOf(job.start_time());
  if (job.has_end_time()) tracked.end_seconds = SecondsOf(job.end_time());
  if (job.has_time_limit_seconds()) tracked.time_limit_seconds = job.time_limit_seconds();
  if (job.has_exit_code()) tracked.exit_code = job.exit_code();
  if (job.has_exit_signal()) tracked.exit_signal = job.exit_signal();
  if (job.has_elapsed_seconds()) tracked.elapsed_seconds = job.elapsed_seconds();
  if (job.has_max_rss_bytes()) tracked.max_rss_bytes = job.max_rss_bytes();
  return tracked;
}

TrackedRun TrackedOf(const StoredRun& stored, const v1::Run& run, int64_t now_ns) {
  TrackedRun tracked;
  tracked.state = stored.state;
  tracked.cluster = std::string(absl::StripPrefix(stored.cluster, "clusters/"));
  for (const v1::Job& job : run.jobs()) tracked.jobs.push_back(TrackedOf(job));
  if (tracked.jobs.empty() && stored.start_time_ns > 0) {
    const int64_t until = stored.end_time_ns > 0 ? stored.end_time_ns : now_ns;
    tracked.wall_seconds =
        static_cast<double>(std::max<int64_t>(0, until - stored.start_time_ns)) * 1e-9;
  }
  return tracked;
}

PlannedRun PlannedOf(const v1::Plan& plan) {
  PlannedRun planned;
  planned.wall_seconds = plan.time().wall_seconds();
  if (plan.time().has_wall_high_seconds()) {
    planned.wall_high_seconds = plan.time().wall_high_seconds();
  }
  if (plan.time().has_job_limit_seconds()) {
    planned.job_limit_seconds = plan.time().job_limit_seconds();
  }
  planned.gpu_hours = plan.cost().gpu_hours();
  if (plan.cost().has_total_usd()) planned.total_usd = plan.cost().total_usd();
  planned.gpu_type = plan.allocation().gpu_type();
  planned.gpu_count = plan.allocation().gpu_count();
  planned.node_count = plan.allocation().node_count();
  return planned;
}

// The plan's totals become those of the whole run.
void AddSunk(const Sunk& sunk, PlannedRun& planned) {
  planned.wall_seconds += sunk.wall_seconds;
  if (planned.wall_high_seconds.has_value()) *planned.wall_high_seconds += sunk.wall_seconds;
  if (planned.total_usd.has_value() && sunk.usd.has_value()) {
    *planned.total_usd += *sunk.usd;
  } else if (planned.total_usd.has_value() && planned.gpu_hours > 0) {
    *planned.total_usd *= 1 + sunk.gpu_hours / planned.gpu_hours;
  }
  planned.gpu_hours += sunk.gpu_hours;
}

void AddAdvice(const RunAdvice& advice, v1::Run& run) {
  v1::Advice& added = *run.add_advice();
  added.set_code(advice.code);
  added.set_text(advice.text);
  added.set_directive(advice.directive);
}

void AddComparison(const RunComparison& comparison, v1::Run& run) {
  v1::RunComparison& added = *run.add_comparisons();
  added.set_quantity(comparison.quantity);
  if (comparison.planned.has_value()) added.set_planned(*comparison.planned);
  if (comparison.actual.has_value()) added.set_actual(*comparison.actual);
  if (comparison.ratio.has_value()) added.set_ratio(*comparison.ratio);
  added.set_source(comparison.source);
}

// Why there is nothing to compare with; nullopt if there is.
std::optional<RunAdvice> WhyNoPlan(const std::string& name, const std::optional<v1::Plan>& plan,
                                   bool has_jobs) {
  if (name.empty()) {
    return RunAdvice{
        "NO_PLAN",
        absl::StrCat("The run names no plan, so there is nothing to compare it with: ",
                     has_jobs ? "submit the next by one (rhumb submit, sbatch --rhumb)."
                              : "create the next with one (rhumb run create --plan, rhumb ingest "
                                "--plan, rhumb.start(plan=...))."),
        ""};
  }
  if (!plan.has_value()) {
    return RunAdvice{
        "PLAN_NOT_FOUND",
        absl::StrCat(name,
                     " is not stored here, or not any more: there is nothing to compare the "
                     "run with."),
        ""};
  }
  if (plan->state() != v1::Plan::STATE_FEASIBLE || !plan->has_time()) {
    return RunAdvice{"PLAN_WITHOUT_TIME",
                     absl::StrCat(name, " says nothing of time or GPUs to compare the run with."),
                     ""};
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<v1::Run> RunAnswers::Basic(const StoredRun& stored) const {
  RHUMB_ASSIGN_OR_RETURN(v1::Run run, ToMessage(stored, now_ns_));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAttempt> attempts,
                         store_.samples().Attempts(stored.name));
  if (attempts.empty()) return run;
  for (const StoredAttempt& each : attempts) *run.add_attempts() = ToMessage(each);
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredSample> last,
                         store_.samples().LastSample(stored.name));
  if (last.has_value()) *run.mutable_last_sample() = ToMessage(*last);
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAlarm> alarms,
                         store_.samples().Alarms(stored.name));
  for (const StoredAlarm& each : alarms) {
    RHUMB_ASSIGN_OR_RETURN(*run.add_alarms(), ToMessage(each));
  }
  return run;
}

absl::StatusOr<v1::Run> RunAnswers::Full(const StoredRun& stored) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan, FindPlan(stored.plan));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<RunProgress> progress,
                         ReadProgress(stored, plan, kDefaultLevel, store_));
  return FullWith(stored, progress);
}

absl::StatusOr<v1::Run> RunAnswers::FullWith(const StoredRun& stored,
                                             const std::optional<RunProgress>& progress) {
  RHUMB_ASSIGN_OR_RETURN(v1::Run run, Basic(stored));
  RHUMB_ASSIGN_OR_RETURN(const std::optional<v1::Plan> plan, FindPlan(stored.plan));
  TrackedRun tracked = TrackedOf(stored, run, now_ns_);
  RHUMB_RETURN_IF_ERROR(ForgetUnknownGpuTypes(tracked));
  const std::optional<RunAdvice> missing = WhyNoPlan(stored.plan, plan, stored.job_count > 0);
  std::optional<PlannedRun> planned;
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReplan> replans,
                         store_.samples().Replans(stored.name));
  RHUMB_ASSIGN_OR_RETURN(const Sunk sunk, ReadSunk(stored, run, replans, store_));
  if (!missing.has_value()) {
    planned = PlannedOf(*plan);
    AddSunk(sunk, *planned);
    for (const RunComparison& each : CompareRun(*planned, tracked)) AddComparison(each, run);
  }
  for (const RunAdvice& advice : AdviseRun(planned, tracked)) AddAdvice(advice, run);
  if (missing.has_value()) AddAdvice(*missing, run);
  if (progress.has_value()) AddProgress(*progress, stored, sunk, now_ns_, run);
  for (const StoredReplan& each : replans) {
    if (!run.add_replans()->ParseFromString(each.content)) {
      return absl::DataLossError(absl::StrCat(stored.name, " is damaged in the store"));
    }
  }
  return run;
}

absl::Status RunAnswers::ForgetUnknownGpuTypes(TrackedRun& run) {
  if (!gpu_types_.has_value()) {
    RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store_));
    gpu_types_.emplace();
    for (const Gpu& gpu : gpus) gpu_types_->insert(gpu.id);
  }
  for (TrackedJob& job : run.jobs) {
    if (gpu_types_->count(job.gpu_type) == 0) job.gpu_type.clear();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<v1::Plan>> RunAnswers::FindPlan(const std::string& name) {
  if (name.empty()) return std::nullopt;
  const auto known = plans_.find(name);
  if (known != plans_.end()) return known->second;
  RHUMB_ASSIGN_OR_RETURN(std::optional<v1::Plan> plan, FindPlanMessage(name, store_));
  return plans_.emplace(name, std::move(plan)).first->second;
}

}  // namespace rhumb::daemon
