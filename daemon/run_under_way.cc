// SPDX-License-Identifier: Apache-2.0
#include "daemon/run_under_way.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/convert.h"
#include "daemon/rpc_status.h"
#include "daemon/runs.h"
#include "daemon/stored_message.h"
#include "planner/status_macros.h"
#include "planner/units.h"
#include "proto/convert/layout_message.h"
#include "rhumb/v1/run.pb.h"

namespace rhumb::daemon {
namespace {

// As many samples of the attempt at hand are read as its pace is taken from, and some that say
// nothing of it.
constexpr int kReadSamples = 200;

absl::Status Precondition(const char* reason, const std::string& text) {
  return ErrorWithReason(absl::StatusCode::kFailedPrecondition, reason, text);
}

double SecondsBetween(int64_t from_ns, int64_t to_ns) {
  return static_cast<double>(std::max<int64_t>(0, to_ns - from_ns)) * 1e-9;
}

// GPU-hours that the run has held since `since_ns`.
double SpentGpuHours(const v1::Run& run, int64_t gpu_count, int64_t since_ns, int64_t now_ns) {
  const auto hours = [](int64_t gpus, double seconds) {
    return static_cast<double>(gpus) * seconds / kSecondsPerHour;
  };
  if (run.jobs().empty()) {
    const int64_t end_ns = run.has_end_time() ? NanosecondsOf(run.end_time()) : now_ns;
    return hours(gpu_count, SecondsBetween(since_ns, end_ns));
  }
  double spent = 0;
  for (const v1::Job& job : run.jobs()) {
    if (!job.has_start_time()) continue;
    const int64_t end_ns = job.has_end_time() ? NanosecondsOf(job.end_time()) : now_ns;
    const int64_t begin_ns = std::max(since_ns, NanosecondsOf(job.start_time()));
    spent +=
        hours(job.gpu_count() > 0 ? job.gpu_count() : gpu_count, SecondsBetween(begin_ns, end_ns));
  }
  return spent;
}

// What is left of the limits that the plan in force was planned within, which count from
// `since_ns`. What is used up is the least that still is a limit.
void SetLimitsLeft(const PlanInForce& in_force, const v1::Run& run, int64_t since_ns,
                   int64_t now_ns, RunUnderWay& out) {
  const v1::CreatePlanRequest& question = in_force.question;
  const double gpu_hours = SpentGpuHours(run, out.gpu_count, since_ns, now_ns);
  const auto left = [](double limit, double used) { return std::max(limit - used, 1e-6 * limit); };
  if (question.has_deadline_seconds()) {
    out.deadline_seconds = left(question.deadline_seconds(), SecondsBetween(since_ns, now_ns));
  }
  if (question.has_gpu_hours()) out.gpu_hours = left(question.gpu_hours(), gpu_hours);
  const v1::Plan::Cost& cost = in_force.plan.cost();
  if (question.has_budget_usd() && cost.has_total_usd() && cost.gpu_hours() > 0) {
    out.budget_usd = left(question.budget_usd(), gpu_hours * cost.total_usd() / cost.gpu_hours());
  }
}

// Step times told since `since_ns` by the attempt of `last`.
absl::StatusOr<std::vector<double>> StepSecondsSince(const std::string& run,
                                                     const StoredSample& last, int64_t since_ns,
                                                     Store& store) {
  const SamplePosition after = {last.sample.attempt,
                                std::max<int64_t>(0, last.sequence - kReadSamples)};
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredSample> samples,
                         store.samples().Read(run, after, kReadSamples));
  std::vector<double> seconds;
  for (const StoredSample& stored : samples) {
    const RunSample& sample = stored.sample;
    if (sample.attempt != last.sample.attempt || !sample.step_seconds.has_value()) continue;
    if (sample.time_seconds * 1e9 > static_cast<double>(since_ns)) {
      seconds.push_back(*sample.step_seconds);
    }
  }
  return seconds;
}

}  // namespace

absl::StatusOr<PlanInForce> ReadPlanInForce(const StoredRun& stored, Store& store) {
  if (stored.plan.empty()) {
    return Precondition("RUN_HAS_NO_PLAN",
                        absl::StrCat(stored.name,
                                     " names no plan: plan the rest with `rhumb plan "
                                     "--arch FILE --tokens D --done-tokens D0`"));
  }
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredPlan> row, store.FindPlan(stored.plan));
  if (!row.has_value()) {
    return Precondition("RUN_HAS_NO_PLAN",
                        absl::StrCat(stored.plan, " of ", stored.name, " is not stored any more"));
  }
  PlanInForce in_force;
  if (!in_force.plan.ParseFromString(row->plan) ||
      !in_force.question.ParseFromString(row->request)) {
    return absl::DataLossError(absl::StrCat(stored.plan, " is damaged in the store"));
  }
  const v1::Plan& plan = in_force.plan;
  if (plan.state() != v1::Plan::STATE_FEASIBLE || !plan.has_layout() || !plan.has_time() ||
      !plan.has_allocation()) {
    return Precondition("RUN_HAS_NO_PLAN",
                        absl::StrCat(stored.plan, " of ", stored.name,
                                     " says nothing of GPUs and time: there is nothing to plan "
                                     "anew"));
  }
  return in_force;
}

absl::StatusOr<RunUnderWay> ReadRunUnderWay(const StoredRun& stored, const PlanInForce& in_force,
                                            std::optional<int64_t> done_token_count, int64_t now_ns,
                                            Store& store) {
  const v1::Plan& plan = in_force.plan;
  v1::RunSettings settings;
  if (!settings.ParseFromString(stored.settings)) {
    return absl::DataLossError(absl::StrCat(stored.name, " is damaged in the store"));
  }
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReplan> replans,
                         store.samples().Replans(stored.name));
  RunUnderWay run;
  run.model = FromProto(plan.model());
  run.gpu_type = plan.allocation().gpu_type();
  run.gpu_count = plan.allocation().gpu_count();
  run.layout = convert::FromProto(plan.layout());
  run.gradient_accumulation_steps = plan.layout().gradient_accumulation_steps();
  run.global_batch_tokens = plan.batch().global_batch_tokens();
  run.token_count = plan.token_count();
  run.objective = FromProto(plan.objective()).value_or(Objective::kLoss);
  run.planned_step_seconds = plan.time().step_seconds();
  // What the run was created with holds until it was planned anew.
  if (replans.empty() && settings.has_target_token_count()) {
    run.token_count = settings.target_token_count();
  }
  if (replans.empty() && settings.has_global_batch_tokens() && run.global_batch_tokens > 0) {
    // A step is planned for the plan's batch, and lasts about in proportion.
    run.planned_step_seconds *= static_cast<double>(settings.global_batch_tokens()) /
                                static_cast<double>(run.global_batch_tokens);
    run.global_batch_tokens = settings.global_batch_tokens();
  }

  const int64_t since_ns = !replans.empty()           ? replans.back().time_ns
                           : stored.start_time_ns > 0 ? stored.start_time_ns
                                                      : stored.create_time_ns;
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredSample> last,
                         store.samples().LastSample(stored.name));
  if (!last.has_value() && !done_token_count.has_value()) {
    return Precondition("RUN_HAS_NO_SAMPLES",
                        absl::StrCat(stored.name,
                                     " has told of no tokens yet: say how many are "
                                     "done (done_token_count, --done-tokens)"));
  }
  run.done_token_count = done_token_count.value_or(last.has_value() ? last->sample.token_count : 0);
  double steps = static_cast<double>(run.done_token_count) /
                 static_cast<double>(std::max<int64_t>(1, run.global_batch_tokens));
  if (last.has_value() && last->sample.token_count > 0) {
    steps = static_cast<double>(last->sample.step) * static_cast<double>(run.done_token_count) /
            static_cast<double>(last->sample.token_count);
  }
  run.done_step_count = std::llround(steps);
  if (last.has_value()) {
    // Samples from before a replan tell of the plan before.
    const int64_t from_ns = replans.empty() ? 0 : since_ns;
    RHUMB_ASSIGN_OR_RETURN(run.step_seconds, StepSecondsSince(stored.name, *last, from_ns, store));
  }
  RHUMB_ASSIGN_OR_RETURN(const v1::Run shown, ToMessage(stored, now_ns));
  SetLimitsLeft(in_force, shown, since_ns, now_ns, run);
  return run;
}

}  // namespace rhumb::daemon
