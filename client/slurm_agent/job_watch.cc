// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/job_watch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "client/cpp/rpc_error.h"
#include "client/slurm_agent/number_ranges.h"
#include "client/slurm_agent/states.h"
#include "daemon/process/log.h"
#include "planner/status_macros.h"

namespace rhumb::slurm_agent {
namespace {

constexpr int kMemoryQuestions = 3;
// How long a site without accounting is taken for one.
constexpr absl::Duration kDisabledFor = absl::Minutes(10);
// Slurm's largest MaxArraySize.
constexpr size_t kMaxArrayTasks = 4'000'001;

// What was told, without times that only grow: equal texts need no telling.
std::string Fingerprint(const std::vector<v1::Job>& jobs) {
  std::string text;
  for (v1::Job job : jobs) {
    if (!HasEnded(job.state())) job.clear_elapsed_seconds();
    const std::string bytes = job.SerializeAsString();
    absl::StrAppend(&text, bytes.size(), ":", bytes);
  }
  return text;
}

JobKey KeyOf(const v1::Job& job) { return {job.job_id(), job.submit_time().seconds()}; }

// What Slurm has of `id`: one of its jobs, or an array or an element of it that waits in one
// record. Null: nothing.
const SourceJob* FindJob(const ClusterState& state, const std::string& id) {
  for (const SourceJob& job : state.jobs) {
    if (JobIdText(job) == id || absl::StrCat(job.array_job_id) == id) return &job;
    if (job.array_job_id == 0 || job.array_task_id.has_value()) continue;
    absl::string_view element = id;
    int64_t task = 0;
    if (!absl::ConsumePrefix(&element, absl::StrCat(job.array_job_id, "_"))) continue;
    if (!absl::SimpleAtoi(element, &task)) continue;
    const std::vector<int64_t> waiting = ExpandArrayTasks(job.array_tasks, kMaxArrayTasks);
    if (std::find(waiting.begin(), waiting.end(), task) != waiting.end()) return &job;
  }
  return nullptr;
}

// The end of a job that Slurm queued again, or whose id it gave away, at `seconds`.
v1::Job Replaced(v1::Job job, int64_t seconds) {
  job.set_state(v1::RUN_STATE_INTERRUPTED);
  job.set_scheduler_state("REQUEUED");
  job.set_reason("Slurm has a later job of this id");
  // The daemon may know of a start that this agent has not seen.
  if (!job.has_start_time() || seconds >= job.start_time().seconds()) {
    job.mutable_end_time()->set_seconds(seconds);
  }
  if (job.has_start_time() && job.has_end_time()) {
    job.set_elapsed_seconds(static_cast<double>(seconds - job.start_time().seconds()));
  }
  return job;
}

// Positions in `jobs` of what `status` refuses; empty: it refuses something else.
std::set<int> RefusedJobs(const absl::Status& status, int count) {
  std::set<int> refused;
  for (const client::FieldViolation& each : client::DescribeError(status).field_violations) {
    absl::string_view field = each.field;
    int index = 0;
    if (!absl::ConsumePrefix(&field, "jobs[")) continue;
    if (!absl::SimpleAtoi(field.substr(0, field.find(']')), &index)) continue;
    if (index >= 0 && index < count) refused.insert(index);
  }
  return refused;
}

}  // namespace

JobWatch::JobWatch(JobWatchOptions options, DaemonLink& daemon, Accounting& accounting)
    : options_(std::move(options)), daemon_(daemon), accounting_(accounting) {}

absl::Status JobWatch::Tell(const std::string& cluster, const ClusterState& state,
                            const slurm::GpuNames& gpu_names, absl::Time look_time,
                            absl::Time now) {
  std::vector<v1::Job> jobs = MakeJobs(state, watched_, gpu_names, absl::ToUnixSeconds(look_time));
  AddMemory(jobs, now);
  std::string all = Fingerprint(jobs);
  if (all == told_ && now < told_time_ + options_.heartbeat) return absl::OkStatus();

  std::map<JobKey, v1::Job> open;
  const absl::Status sent = Send(cluster, jobs, look_time, open);
  if (absl::IsUnimplemented(sent)) {
    if (!said_too_old_) {
      Log(LogLevel::kWarning, "the daemon is too old to be told of jobs; it is told of nodes");
    }
    said_too_old_ = true;
    // It may be replaced.
    told_ = std::move(all);
    told_time_ = now;
    return absl::OkStatus();
  }
  RHUMB_RETURN_IF_ERROR(sent);
  said_too_old_ = false;

  std::map<JobKey, v1::Job> living, forgotten;
  std::set<std::string> watched;
  std::vector<v1::Job> ends;
  for (const v1::Job& job : jobs) {
    if (HasEnded(job.state())) continue;
    living[KeyOf(job)] = job;
    if (watched_.contains(job.job_id())) watched.insert(job.job_id());
  }
  for (const auto& [key, job] : open) {
    const auto last = living_.find(key);
    const v1::Job& known = last == living_.end() ? job : last->second;
    const SourceJob* source = FindJob(state, key.first);
    const bool is_named = key.second == 0;  // by a user, who need not have told the truth
    if (is_named && source != nullptr && !MayLearn(job.owner_uid(), source->user_id)) continue;
    if (source != nullptr && (source->submit_seconds <= key.second || is_named)) {
      watched.insert(key.first);
    } else if (source != nullptr) {
      ends.push_back(Replaced(known, source->submit_seconds));
    } else {
      forgotten[key] = living[key] = known;
    }
  }
  living_ = std::move(living);
  watched_ = std::move(watched);
  for (v1::Job& job : EndsOf(forgotten, gpu_names, now)) ends.push_back(std::move(job));
  if (!ends.empty()) {
    RHUMB_RETURN_IF_ERROR(Send(cluster, ends, look_time, open));
    for (const v1::Job& job : ends) {
      living_.erase(KeyOf(job));
      missing_since_.erase(KeyOf(job));
    }
  }
  told_ = std::move(all);
  told_time_ = now;
  return absl::OkStatus();
}

bool JobWatch::MayLearn(int64_t owner_uid, int64_t job_uid) const {
  return owner_uid == job_uid || owner_uid == 0 || owner_uid == options_.own_uid;
}

absl::Status JobWatch::Send(const std::string& cluster, std::vector<v1::Job> jobs,
                            absl::Time look_time, std::map<JobKey, v1::Job>& open) {
  open.clear();
  size_t begin = 0;
  // Without jobs as well: the answer says which are open.
  do {
    const size_t end = std::min(jobs.size(), begin + options_.max_jobs_per_call);
    v1::SyncJobsRequest request;
    request.set_cluster(cluster);
    request.mutable_observe_time()->set_seconds(absl::ToUnixSeconds(look_time));
    for (size_t i = begin; i < end; ++i) *request.add_jobs() = jobs[i];
    RHUMB_ASSIGN_OR_RETURN(const v1::SyncJobsResponse response,
                           SendWithoutRefused(std::move(request)));
    for (const v1::Job& job : response.open_jobs()) open[KeyOf(job)] = job;
    begin = end;
  } while (begin < jobs.size());
  for (const v1::Job& job : jobs) open.erase(KeyOf(job));
  return absl::OkStatus();
}

// One job that the daemon refuses must not hold up the others.
absl::StatusOr<v1::SyncJobsResponse> JobWatch::SendWithoutRefused(v1::SyncJobsRequest request) {
  absl::StatusOr<v1::SyncJobsResponse> response;
  // An answer names some 60 at most; whoever submits hundreds must not hold up the others either.
  const int attempts = request.jobs_size() + 1;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    response = daemon_.SyncJobs(request);
    if (!absl::IsInvalidArgument(response.status())) return response;
    const std::set<int> refused = RefusedJobs(response.status(), request.jobs_size());
    if (refused.empty()) return response;
    std::vector<std::string> ids;
    v1::SyncJobsRequest rest = request;
    rest.clear_jobs();
    for (int i = 0; i < request.jobs_size(); ++i) {
      if (refused.contains(i)) {
        ids.push_back(request.jobs(i).job_id());
      } else {
        *rest.add_jobs() = request.jobs(i);
      }
    }
    const std::string text = absl::StrJoin(ids, ",");
    if (text != said_of_refused_) {
      Log(LogLevel::kWarning, "the daemon refuses jobs; they are left out",
          {{"jobs", text}, {"error", std::string(response.status().message())}});
    }
    said_of_refused_ = text;
    request = std::move(rest);
  }
  return response;
}

// A few times a job: accounting lags behind the end, and may know nothing of its memory.
void JobWatch::AddMemory(std::vector<v1::Job>& jobs, absl::Time now) {
  std::set<std::string> ended;
  std::vector<std::string> open_questions;
  for (const v1::Job& job : jobs) {
    if (!HasEnded(job.state())) continue;
    ended.insert(job.job_id());
    const EndedMemory& memory = ended_memory_[job.job_id()];
    if (job.has_start_time() && !memory.bytes.has_value() && memory.questions < kMemoryQuestions &&
        now >= memory.next_question) {
      open_questions.push_back(job.job_id());
    }
  }
  std::erase_if(ended_memory_, [&](const auto& each) { return !ended.contains(each.first); });
  if (!open_questions.empty()) {
    const AccountingAnswer answer = Ask(open_questions, now);
    for (const std::string& id : open_questions) {
      EndedMemory& memory = ended_memory_[id];
      const auto job = answer.jobs.find(id);
      if (job != answer.jobs.end() && job->second.has_max_rss_bytes()) {
        memory.bytes = job->second.max_rss_bytes();
      }
      if (answer.outcome != AccountingAnswer::Outcome::kFailed) ++memory.questions;
      memory.next_question = now + options_.heartbeat;
    }
  }
  for (v1::Job& job : jobs) {
    const auto memory = ended_memory_.find(job.job_id());
    if (memory != ended_memory_.end() && memory->second.bytes.has_value()) {
      job.set_max_rss_bytes(*memory->second.bytes);
    }
  }
}

// How those that Slurm has forgotten ended, as far as accounting says, or that they are lost.
std::vector<v1::Job> JobWatch::EndsOf(const std::map<JobKey, v1::Job>& forgotten,
                                      const slurm::GpuNames& gpu_names, absl::Time now) {
  std::erase_if(missing_since_, [&](const auto& each) { return !forgotten.contains(each.first); });
  if (forgotten.empty()) return {};
  bool has_new = false;
  std::vector<std::string> ids;
  for (const auto& [key, job] : forgotten) {
    has_new = missing_since_.try_emplace(key, now).second || has_new;
    ids.push_back(key.first);
  }
  if (now < next_question_ && !has_new) return {};
  next_question_ = now + options_.heartbeat;
  const AccountingAnswer answer = Ask(ids, now);
  const absl::Duration patience = answer.outcome == AccountingAnswer::Outcome::kFailed
                                      ? options_.lost_after_failures
                                      : options_.lost_after;
  std::vector<v1::Job> ends;
  for (const auto& [key, last] : forgotten) {
    v1::Job job = last;
    job.clear_reason();
    const auto accounted = answer.jobs.find(key.first);
    const int64_t submitted =
        accounted == answer.jobs.end() ? 0 : accounted->second.submit_time().seconds();
    const bool is_other = key.second == 0 && accounted != answer.jobs.end() &&
                          !MayLearn(last.owner_uid(), accounted->second.owner_uid());
    if (is_other) continue;
    if (submitted > key.second && key.second > 0) {
      job = Replaced(std::move(job), submitted);
    } else if (accounted != answer.jobs.end() && HasEnded(accounted->second.state())) {
      job.MergeFrom(accounted->second);
      job.set_gpu_type(gpu_names.TypeOf(job.gpu_type()));
    } else if (key.second > 0 && now - missing_since_[key] >= patience) {
      job.set_state(v1::RUN_STATE_LOST);
      job.clear_scheduler_state();
      job.set_reason("Slurm has forgotten it, and nobody saw how it ended");
      Log(LogLevel::kWarning, "a job is lost", {{"job", key.first}});
    } else {
      continue;
    }
    ends.push_back(std::move(job));
  }
  return ends;
}

AccountingAnswer JobWatch::Ask(const std::vector<std::string>& ids, absl::Time now) {
  AccountingAnswer answer;
  if (now < disabled_until_) {
    answer.outcome = AccountingAnswer::Outcome::kDisabled;
    return answer;
  }
  answer = accounting_.Ask(ids);
  std::string say;
  switch (answer.outcome) {
    case AccountingAnswer::Outcome::kAnswered:
      if (!said_of_accounting_.empty()) Log(LogLevel::kInfo, "Slurm's accounting answers");
      break;
    case AccountingAnswer::Outcome::kDisabled:
      disabled_until_ = now + kDisabledFor;
      say =
          "Slurm keeps no accounts: how much memory jobs used is not known, and jobs that "
          "slurmctld has forgotten are lost";
      if (say != said_of_accounting_) Log(LogLevel::kInfo, say);
      break;
    case AccountingAnswer::Outcome::kFailed:
      say = "Slurm's accounting cannot be asked";
      if (say != said_of_accounting_) Log(LogLevel::kWarning, say, {{"error", answer.problem}});
      break;
  }
  said_of_accounting_ = std::move(say);
  if (!answer.unread_lines.empty()) {
    Log(LogLevel::kWarning, "lines of sacct were not understood",
        {{"count", absl::StrCat(answer.unread_lines.size())},
         {"first", answer.unread_lines.front()}});
  }
  return answer;
}

}  // namespace rhumb::slurm_agent
