// SPDX-License-Identifier: Apache-2.0
#include "daemon/runs.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/call.h"
#include "daemon/expected_run.h"
#include "daemon/fresh_name.h"
#include "daemon/gpu_types.h"
#include "daemon/identity.h"
#include "daemon/job_news.h"
#include "daemon/rpc_status.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "planner/status_macros.h"
#include "planner/track/learning_rate_schedule.h"

namespace rhumb::daemon {
namespace {

absl::Status NotFoundBecause(const std::string& what) {
  return ErrorWithReason(absl::StatusCode::kNotFound, "RUN_NOT_FOUND", what);
}

// Empty if nothing is set.
std::string SettingsToStore(const v1::RunSettings& settings, FieldViolations& violations) {
  const v1::LearningRateSchedule& schedule = settings.schedule();
  if (schedule.has_decay_fraction() && schedule.kind() != v1::SCHEDULE_KIND_WSD) {
    violations.Add("run.settings.schedule.decay_fraction", "is of kind WSD alone");
  }
  // With what is taken where nothing is said, as everything that reads it takes it.
  const absl::Status status = ValidateSchedule(ScheduleOf(schedule));
  if (!status.ok()) violations.Add("run.settings.schedule", std::string(status.message()));
  return DeterministicBytes(settings);
}

// The run that is asked for, without its name.
StoredRun RunToStore(const v1::CreateRunRequest& request, const Caller& caller, int64_t now_ns,
                     FieldViolations& violations) {
  ValidateValues(request, violations);
  StoredRun run;
  const v1::Run& asked = request.run();
  if (!asked.plan().empty()) {
    run.plan = run.given_plan = ResourceName("plans", asked.plan(), "run.plan", violations);
  }
  run.title = asked.title();
  run.settings = SettingsToStore(asked.settings(), violations);
  run.owner_uid = caller.uid;
  run.create_time_ns = run.update_time_ns = now_ns;
  if (asked.jobs_size() > 1) {
    violations.Add("run.jobs", absl::StrCat("must be at most one, the first of the run, got ",
                                            asked.jobs_size()));
  } else if (asked.jobs_size() == 1) {
    run.cluster =
        ResourceName("clusters", asked.jobs(0).cluster(), "run.jobs[0].cluster", violations);
    run.chain_job_id = asked.jobs(0).job_id();
    if (run.chain_job_id.empty()) violations.Add("run.jobs[0].job_id", "is missing");
  } else {
    run.start_time_ns = now_ns;  // nobody else will tell
  }
  if (asked.has_start_time()) {
    run.start_time_ns = NanosecondsOf(asked.start_time(), "run.start_time", violations);
    if (asked.jobs_size() > 0) {
      violations.Add("run.start_time", "is that of the job, which its scheduler tells");
    } else if (run.start_time_ns > now_ns + kClockSkewNs) {
      violations.Add("run.start_time", "is in the future");
    }
  }
  return run;
}

bool IsOperatorUid(int64_t uid) { return Caller{.uid = uid, .known = true}.IsOperator(); }

// A run of a type that nobody knows would never be compared or priced, and say nothing of it.
absl::Status CheckGpuType(const v1::RunSettings& settings, Store& store) {
  if (settings.gpu_type().empty()) return absl::OkStatus();
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store));
  const absl::Status known = FindGpu(settings.gpu_type(), gpus).status();
  if (known.ok()) return absl::OkStatus();
  return FieldError("run.settings.gpu_type", std::string(known.message()));
}

// What two calls of one request_id must have in common: not when the run began, which a log that is
// read again, or has grown, may date otherwise.
std::string ContentHash(v1::CreateRunRequest request) {
  request.mutable_run()->clear_start_time();
  return RequestContentHash(request);
}

absl::Status CheckPlan(const std::string& plan, Store& store) {
  if (plan.empty()) return absl::OkStatus();
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> bytes, store.FindPlanBytes(plan));
  if (bytes.has_value()) return absl::OkStatus();
  return ErrorWithReason(
      absl::StatusCode::kNotFound, "PLAN_NOT_FOUND",
      absl::StrCat(plan, " does not exist; `rhumb plans list` (ListPlans) shows what does"));
}

}  // namespace

absl::Status NoSuchRun(absl::string_view name) {
  return NotFoundBecause(
      absl::StrCat(name, " does not exist; `rhumb run list` (ListRuns) shows what does"));
}

absl::Status MayChangeRun(const StoredRun& run, const Caller& caller) {
  if (caller.MayChange(run.owner_uid)) return absl::OkStatus();
  return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NOT_OWNER",
                         absl::StrCat(run.name, " belongs to uid ", run.owner_uid,
                                      "; only its owner and the daemon's user may change it"));
}

absl::StatusOr<StoredRun> FindRunByName(const std::string& name, Store& store) {
  RHUMB_ASSIGN_OR_RETURN(const std::optional<StoredRun> run, store.runs().Find(name));
  if (!run.has_value()) return NoSuchRun(name);
  return *run;
}

absl::StatusOr<v1::Run> ToMessage(const StoredRun& stored, int64_t now_ns) {
  v1::Run run;
  run.set_name(stored.name);
  run.set_plan(stored.plan);
  run.set_state(ToProto(stored.state));
  run.set_title(stored.title);
  run.set_owner_uid(stored.owner_uid);
  if (!stored.settings.empty()) {
    RHUMB_ASSIGN_OR_RETURN(*run.mutable_settings(), SettingsOf(stored));
  }
  *run.mutable_create_time() = ToTimestamp(stored.create_time_ns);
  *run.mutable_update_time() = ToTimestamp(stored.update_time_ns);
  if (stored.start_time_ns > 0) *run.mutable_start_time() = ToTimestamp(stored.start_time_ns);
  if (stored.end_time_ns > 0) *run.mutable_end_time() = ToTimestamp(stored.end_time_ns);
  for (const StoredJob& job : stored.jobs) {
    RHUMB_ASSIGN_OR_RETURN(*run.add_jobs(), ToMessage(job, now_ns));
  }
  return run;
}

absl::StatusOr<v1::SyncJobsResponse> SyncJobs(const v1::SyncJobsRequest& request,
                                              const Caller& caller, int64_t now_ns, Store& store) {
  // First: thousands of jobs are not looked through for somebody who may not tell of them.
  RHUMB_RETURN_IF_ERROR(RequireOperator(caller, "the jobs of clusters"));
  RHUMB_ASSIGN_OR_RETURN(const std::vector<Gpu> gpus, AllGpus(store));
  FieldViolations violations;
  JobNews news = NewsToStore(request, gpus, violations);
  if (!violations.empty()) return violations.ToStatus();
  news.now_ns = now_ns;
  news.dry_run = request.validate_only();
  news.is_operator = IsOperatorUid;
  RHUMB_ASSIGN_OR_RETURN(const JobNewsAnswer answer, store.runs().Sync(news));
  v1::SyncJobsResponse response;
  response.set_changed_job_count(answer.changed_job_count);
  for (const StoredJob& open : answer.open_jobs) {
    v1::Job& job = *response.add_open_jobs();
    job.set_cluster(open.cluster);
    job.set_job_id(open.job_id);
    job.set_state(ToProto(open.state));
    job.set_owner_uid(open.owner_uid);
    if (open.submit_time_ns > 0) *job.mutable_submit_time() = ToTimestamp(open.submit_time_ns);
  }
  return response;
}

absl::StatusOr<StoredRun> CreateRun(const v1::CreateRunRequest& request, const Caller& caller,
                                    int64_t now_ns, Store& store) {
  if (!caller.known) {
    return ErrorWithReason(absl::StatusCode::kPermissionDenied, "NO_IDENTITY",
                           "a run belongs to somebody, and over TCP nobody is known: create it "
                           "over the daemon's unix socket");
  }
  FieldViolations violations;
  StoredRun asked = RunToStore(request, caller, now_ns, violations);
  if (!violations.empty()) return violations.ToStatus();
  asked.name = FreshName("runs/r-", asked.owner_uid, asked.create_time_ns, asked.cluster);
  RequestKey key;
  if (!request.request_id().empty()) {
    key = {request.request_id(), "CreateRun", caller.uid, ContentHash(request)};
  }
  // A caller who leaves out what is refused asks under the same request id, each time anew.
  RHUMB_RETURN_IF_ERROR(CheckGpuType(request.run().settings(), store));
  // Before the plan is looked for: it may be gone since the first call.
  RHUMB_ASSIGN_OR_RETURN(const std::optional<std::string> made, store.FindByRequestId(key));
  if (!made.has_value()) RHUMB_RETURN_IF_ERROR(CheckPlan(asked.plan, store));
  return store.runs().Create(
      asked, key, request.validate_only(), IsOperatorUid,
      [&](const StoredRun& known) -> absl::Status {
        if (!asked.plan.empty() && !known.plan.empty() && asked.plan != known.plan) {
          // A job script goes on naming the plan that it was submitted by.
          RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredReplan> replans,
                                 store.samples().Replans(known.name));
          for (const StoredReplan& each : replans) {
            if (each.from_plan == asked.plan) return absl::OkStatus();
          }
          return ErrorWithReason(absl::StatusCode::kAlreadyExists, "RUN_HAS_OTHER_PLAN",
                                 absl::StrCat("job ", asked.chain_job_id, " is of ", known.name,
                                              ", which is a run of ", known.plan));
        }
        const bool learns = (!asked.plan.empty() && known.plan.empty()) ||
                            (!asked.title.empty() && known.title.empty()) ||
                            (!asked.settings.empty() && known.settings.empty());
        return learns ? MayChangeRun(known, caller) : absl::OkStatus();
      });
}

absl::StatusOr<StoredRun> FindRun(const v1::GetRunRequest& request, Store& store) {
  FieldViolations violations;
  ValidateValues(request, violations);
  if (request.name().empty() == request.job_id().empty()) {
    violations.Add("name", "or job_id must be given, one of them");
  }
  std::string name, cluster;
  if (!request.name().empty()) name = ResourceName("runs", request.name(), "name", violations);
  if (!request.cluster().empty()) {
    cluster = ResourceName("clusters", request.cluster(), "cluster", violations);
    if (request.job_id().empty()) violations.Add("cluster", "is of a job_id, which is missing");
  }
  if (!violations.empty()) return violations.ToStatus();
  if (!name.empty()) {
    return FindRunByName(name, store);
  }
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredRun> runs,
                         store.runs().FindByJob(cluster, request.job_id()));
  if (runs.size() == 1) return runs.front();
  if (runs.empty()) {
    return NotFoundBecause(absl::StrCat("no run of job ", request.job_id(),
                                        cluster.empty() ? "" : absl::StrCat(" on ", cluster),
                                        " is known; jobs come from the cluster's agent "
                                        "(rhumb-slurm-agent), an element of an array is 120_3"));
  }
  std::vector<std::string> clusters;
  for (const StoredRun& run : runs) clusters.push_back(run.cluster);
  return FieldError("cluster", absl::StrCat("must say which: job ", request.job_id(),
                                            " is known of ", absl::StrJoin(clusters, ", ")));
}

absl::StatusOr<StoredRun> FinishRun(const v1::FinishRunRequest& request, const Caller& caller,
                                    int64_t now_ns, Store& store) {
  FieldViolations violations;
  ValidateValues(request, violations);
  const std::string name = ResourceName("runs", request.name(), "name", violations);
  const std::optional<JobState> state = FromProto(request.state());
  if (!state.has_value() || (*state != JobState::kSucceeded && *state != JobState::kFailed &&
                             *state != JobState::kCancelled)) {
    violations.Add("state", "must be SUCCEEDED, FAILED or CANCELLED");
  }
  const int64_t end_ns =
      request.has_end_time() ? NanosecondsOf(request.end_time(), "end_time", violations) : now_ns;
  if (end_ns > now_ns + kClockSkewNs) violations.Add("end_time", "is in the future");
  if (!violations.empty()) return violations.ToStatus();
  // Of a run that was created when it had been under way for a while.
  int64_t first_sample_ns = std::numeric_limits<int64_t>::max();
  RHUMB_ASSIGN_OR_RETURN(const std::vector<StoredAttempt> attempts, store.samples().Attempts(name));
  for (const StoredAttempt& each : attempts) {
    first_sample_ns = std::min(first_sample_ns, each.first_time_ns);
  }
  const absl::StatusOr<StoredRun> finished =
      store.runs().Update(name, [&](StoredRun& run) -> absl::StatusOr<bool> {
        RHUMB_RETURN_IF_ERROR(MayChangeRun(run, caller));
        if (run.job_count > 0) {
          return ErrorWithReason(
              absl::StatusCode::kFailedPrecondition, "RUN_HAS_JOBS",
              absl::StrCat(name, " ends as its last job does, which ", run.cluster, " tells"));
        }
        if (!IsOpen(run.state)) {
          const bool same_time = !request.has_end_time() || end_ns == run.end_time_ns;
          if (run.state == *state && same_time) return false;
          return ErrorWithReason(absl::StatusCode::kFailedPrecondition, "RUN_HAS_ENDED",
                                 absl::StrCat(name, " has ended: ", NameOf(run.state), " at ",
                                              google::protobuf::util::TimeUtil::ToString(
                                                  ToTimestamp(run.end_time_ns))));
        }
        const int64_t told = run.start_time_ns > 0 ? run.start_time_ns : run.create_time_ns;
        // What was said of the begin stands; else samples know better than the call that made the
        // run.
        const bool is_said = run.start_time_ns > 0 && run.start_time_ns != run.create_time_ns;
        const int64_t began = is_said ? told : std::min(told, first_sample_ns);
        if (end_ns < began) return FieldError("end_time", "is before the run began");
        if (began < told) run.start_time_ns = began;
        run.state = *state;
        run.end_time_ns = end_ns;
        run.update_time_ns = now_ns;
        return true;
      });
  if (absl::IsNotFound(finished.status())) return NoSuchRun(name);
  return finished;
}

}  // namespace rhumb::daemon
