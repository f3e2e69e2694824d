// SPDX-License-Identifier: Apache-2.0
#include "daemon/job_news.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/identity.h"
#include "daemon/stored_message.h"
#include "daemon/validate.h"
#include "planner/cost/gpu_catalog.h"
#include "proto/json/json_names.h"

namespace rhumb::daemon {
namespace {

// What nanoseconds in 64 bits hold.
constexpr int64_t kMaxSeconds = 9'000'000'000;

// Of Slurm, while a job keeps its nodes and does nothing.
constexpr char kSuspended[] = "SUSPENDED";

bool IsEnd(v1::RunState state) { return state >= v1::RUN_STATE_SUCCEEDED; }

void CheckTimes(const v1::Job& job, const StoredJob& row, const std::string& path,
                FieldViolations& violations) {
  if (!job.has_submit_time()) violations.Add(path + ".submit_time", "is missing");
  if (job.state() == v1::RUN_STATE_PENDING && job.has_start_time()) {
    violations.Add(path + ".start_time", "is there, but the job has not started");
  }
  if (!IsEnd(job.state()) && job.has_end_time()) {
    violations.Add(path + ".end_time", "is there, but the job has not ended");
  } else if (job.has_start_time() && job.has_end_time() && row.end_time_ns < row.start_time_ns) {
    violations.Add(path + ".end_time", "is before start_time");
  }
}

// One job of a request; `content` is left to the caller.
StoredJob JobToStore(const v1::Job& job, const std::string& cluster, const std::string& path,
                     FieldViolations& violations) {
  StoredJob row;
  row.cluster = cluster;
  if (!job.cluster().empty()) {
    const std::string own = ResourceName("clusters", job.cluster(), path + ".cluster", violations);
    if (!own.empty() && !cluster.empty() && own != cluster) {
      violations.Add(path + ".cluster", absl::StrCat("must be ", cluster, " or left out"));
    }
  }
  if (job.job_id().empty()) violations.Add(path + ".job_id", "is missing");
  row.job_id = job.job_id();
  const std::optional<JobState> state = FromProto(job.state());
  if (!state.has_value()) {
    violations.Add(path + ".state",
                   absl::StrCat("must be one of ", EnumChoices(*v1::RunState_descriptor())));
  }
  row.state = state.value_or(JobState::kRunning);
  if (!job.plan().empty()) {
    row.plan = ResourceName("plans", job.plan(), path + ".plan", violations);
  }
  row.chain_job_id = job.chain_job_id();
  row.owner_uid = job.owner_uid();
  row.submit_time_ns = NanosecondsOf(job.submit_time(), path + ".submit_time", violations);
  row.start_time_ns = NanosecondsOf(job.start_time(), path + ".start_time", violations);
  row.end_time_ns = NanosecondsOf(job.end_time(), path + ".end_time", violations);
  CheckTimes(job, row, path, violations);
  return row;
}

// Ids of the catalogue, each name looked up once.
class GpuNames {
 public:
  explicit GpuNames(const std::vector<Gpu>& gpus) : gpus_(gpus) {}
  const std::string& IdOf(const std::string& name) {
    const auto known = ids_.find(name);
    if (known != ids_.end()) return known->second;
    const absl::StatusOr<Gpu> gpu = FindGpu(name, gpus_);
    return ids_.emplace(name, gpu.ok() ? gpu->id : name).first->second;
  }

 private:
  const std::vector<Gpu>& gpus_;
  std::map<std::string, std::string> ids_;
};

template <typename T>
void FillText(T& to, const T& from) {
  if (to.empty()) to = from;
}

}  // namespace

v1::RunState ToProto(JobState state) {
  static_assert(static_cast<int>(JobState::kPending) + 1 == v1::RUN_STATE_PENDING);
  static_assert(static_cast<int>(JobState::kLost) + 1 == v1::RUN_STATE_LOST);
  return static_cast<v1::RunState>(static_cast<int>(state) + 1);
}

std::optional<JobState> FromProto(v1::RunState state) {
  if (state == v1::RUN_STATE_UNSPECIFIED || !v1::RunState_IsValid(state)) return std::nullopt;
  return static_cast<JobState>(static_cast<int>(state) - 1);
}

int64_t NanosecondsOf(const google::protobuf::Timestamp& time, absl::string_view field,
                      FieldViolations& violations) {
  const bool whole = time.nanos() >= 0 && time.nanos() < 1'000'000'000;
  if (!whole || time.seconds() < 0 || time.seconds() > kMaxSeconds) {
    violations.Add(field, "must be a time from 1970 to 2255");
    return 0;
  }
  return time.seconds() * 1'000'000'000 + time.nanos();
}

JobNews NewsToStore(const v1::SyncJobsRequest& request, const std::vector<Gpu>& gpus,
                    FieldViolations& violations) {
  ValidateValues(request, violations);
  JobNews news;
  news.cluster = ResourceName("clusters", request.cluster(), "cluster", violations);
  if (!request.has_observe_time()) violations.Add("observe_time", "is missing");
  const int64_t observed = NanosecondsOf(request.observe_time(), "observe_time", violations);
  GpuNames names(gpus);
  std::set<std::pair<std::string, int64_t>> keys;
  for (int i = 0; i < request.jobs_size(); ++i) {
    const std::string path = absl::StrCat("jobs[", i, "]");
    StoredJob row = JobToStore(request.jobs(i), news.cluster, path, violations);
    if (!keys.emplace(row.job_id, row.submit_time_ns).second) {
      violations.Add(path + ".job_id",
                     absl::StrCat("\"", row.job_id, "\" of this submit_time stands there twice"));
    }
    row.observe_time_ns = observed;
    v1::Job content = request.jobs(i);
    content.set_cluster(news.cluster);
    content.set_plan(row.plan);
    if (!content.gpu_type().empty()) content.set_gpu_type(names.IdOf(content.gpu_type()));
    // Grows with every look; while it runs it is told from start_time. A suspended job stands
    // still.
    const bool grows = IsOpen(row.state) && content.scheduler_state() != kSuspended;
    if (grows) content.clear_elapsed_seconds();
    row.content = DeterministicBytes(content);
    news.jobs.push_back(std::move(row));
  }
  news.fill_gaps = FillGaps;
  return news;
}

absl::StatusOr<v1::Job> ToMessage(const StoredJob& stored, int64_t now_ns) {
  v1::Job job;
  if (!job.ParseFromString(stored.content)) {
    return absl::DataLossError(
        absl::StrCat("job ", stored.job_id, " of ", stored.cluster, " is damaged in the store"));
  }
  const bool is_suspended = job.scheduler_state() == kSuspended && job.has_elapsed_seconds();
  if (stored.state == JobState::kRunning && stored.start_time_ns > 0 && !is_suspended) {
    job.set_elapsed_seconds(
        static_cast<double>(std::max<int64_t>(0, now_ns - stored.start_time_ns)) * 1e-9);
  }
  return job;
}

StoredJob FillGaps(const StoredJob& news, const StoredJob& older) {
  v1::Job job, known;
  if (!job.ParseFromString(news.content) || !known.ParseFromString(older.content)) return news;
  FillText(*job.mutable_plan(), known.plan());
  FillText(*job.mutable_chain_job_id(), known.chain_job_id());
  if (job.owner_uid() == 0) job.set_owner_uid(known.owner_uid());
  FillText(*job.mutable_user_name(), known.user_name());
  FillText(*job.mutable_job_name(), known.job_name());
  FillText(*job.mutable_partition(), known.partition());
  FillText(*job.mutable_node_list(), known.node_list());
  FillText(*job.mutable_gpu_type(), known.gpu_type());
  if (job.node_count() == 0) job.set_node_count(known.node_count());
  if (job.gpu_count() == 0) job.set_gpu_count(known.gpu_count());
  const bool started = job.state() != v1::RUN_STATE_PENDING;
  if (started && !job.has_start_time() && known.has_start_time()) {
    *job.mutable_start_time() = known.start_time();
  }
  if (!job.has_time_limit_seconds() && known.has_time_limit_seconds()) {
    job.set_time_limit_seconds(known.time_limit_seconds());
  }
  if (!job.has_max_rss_bytes() && known.has_max_rss_bytes()) {
    job.set_max_rss_bytes(known.max_rss_bytes());
  }
  // Only of the same end: how it ended must not be told in parts of two.
  if (IsEnd(job.state()) && job.state() == known.state()) {
    if (!job.has_end_time() && known.has_end_time()) *job.mutable_end_time() = known.end_time();
    if (!job.has_exit_code() && known.has_exit_code()) job.set_exit_code(known.exit_code());
    if (!job.has_exit_signal() && known.has_exit_signal()) {
      job.set_exit_signal(known.exit_signal());
    }
    if (!job.has_elapsed_seconds() && known.has_elapsed_seconds()) {
      job.set_elapsed_seconds(known.elapsed_seconds());
    }
  }
  StoredJob filled = news;
  FieldViolations none;
  filled.plan = job.plan();
  filled.start_time_ns = NanosecondsOf(job.start_time(), "start_time", none);
  filled.end_time_ns = NanosecondsOf(job.end_time(), "end_time", none);
  filled.content = DeterministicBytes(job);
  return filled;
}

}  // namespace rhumb::daemon
