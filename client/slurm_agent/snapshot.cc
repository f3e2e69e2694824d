// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/snapshot.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "client/slurm_agent/clean_text.h"
#include "client/slurm_agent/gres.h"
#include "client/slurm_agent/job_comment.h"
#include "client/slurm_agent/number_ranges.h"
#include "client/slurm_agent/states.h"

namespace rhumb::slurm_agent {
namespace {

constexpr char kUntyped[] = "untyped";
// As much as the daemon takes: the short form of thousands of nodes, the partitions that a job may
// run in.
constexpr size_t kMaxNodeListBytes = 1 << 16;
constexpr size_t kMaxPartitionBytes = 1024;

std::string TypeName(const slurm::GpuNames& names, const std::string& type) {
  return CleanText(names.TypeOf(type.empty() ? kUntyped : type));
}

bool TakesJobs(v1::NodeState state) {
  return state == v1::NODE_STATE_IDLE || state == v1::NODE_STATE_MIXED;
}

// Reservations that have begun and not ended, by the node they hold; maintenance before others.
std::map<std::string, const SourceReservation*> ActiveReservations(const ClusterState& state,
                                                                   int64_t now_seconds) {
  std::map<std::string, const SourceReservation*> active;
  for (const SourceReservation& each : state.reservations) {
    if (each.start_seconds > now_seconds || each.end_seconds <= now_seconds) continue;
    for (const std::string& node : each.nodes) {
      const SourceReservation*& holder = active[node];
      if (holder == nullptr || (each.is_maintenance && !holder->is_maintenance)) holder = &each;
    }
  }
  return active;
}

std::map<std::string, std::vector<std::string>> PartitionsOfNodes(const ClusterState& state) {
  std::map<std::string, std::vector<std::string>> partitions;
  for (const SourcePartition& each : state.partitions) {
    if (!each.is_up) continue;
    for (const std::string& node : each.nodes) partitions[node].push_back(each.name);
  }
  return partitions;
}

// Used GPUs of `type`: node and usage name types alike, but for versions that leave them out.
int64_t UsedGpus(const std::vector<GresGpus>& used, const GresGpus& held) {
  for (const GresGpus& each : used) {
    if (each.type == held.type) return each.count;
  }
  return used.size() == 1 && (used[0].type.empty() || held.type.empty()) ? used[0].count : 0;
}

// `state` unless it is the more telling one: what a reservation or a partition adds.
void KeepFromJobs(v1::Node& node, v1::NodeState state, const std::string& reason) {
  if (node.state() == v1::NODE_STATE_DOWN || node.state() == v1::NODE_STATE_DRAINED) return;
  node.set_state(state);
  node.set_reason(CleanText(reason));
}

v1::Node MakeNode(const SourceNode& source, const slurm::GpuNames& gpu_names,
                  const SourceReservation* reservation,
                  const std::vector<std::string>* partitions) {
  v1::Node node;
  const NodeVerdict verdict = ReadNodeState(source.states);
  node.set_name(CleanText(source.name));
  node.set_state(verdict.state);
  if (!verdict.word.empty())
    node.set_reason(CleanText(source.reason.empty() ? verdict.word : source.reason));
  if (reservation != nullptr) {
    KeepFromJobs(node,
                 reservation->is_maintenance ? v1::NODE_STATE_DRAINED : v1::NODE_STATE_RESERVED,
                 absl::StrCat("reservation ", reservation->name));
  }
  if (partitions == nullptr) {
    KeepFromJobs(node, v1::NODE_STATE_DRAINED, "none of its partitions is up");
  } else {
    for (const std::string& each : *partitions) node.add_partitions(CleanText(each));
  }
  const GresGpus held = LargestGres(ParseGres(source.gres));
  if (held.count > 0) {
    node.set_gpu_type(TypeName(gpu_names, held.type));
    node.set_gpu_count(held.count);
    if (TakesJobs(node.state())) {
      const int64_t used = UsedGpus(ParseGres(source.gres_used), held);
      node.set_free_gpu_count(std::max<int64_t>(0, held.count - used));
    }
  }
  return node;
}

// What it ran, without suspension; its own clock stands while it is suspended.
double ElapsedSeconds(const SourceJob& job, bool has_ended, int64_t now_seconds) {
  const bool suspended =
      std::find(job.states.begin(), job.states.end(), "SUSPENDED") != job.states.end();
  const int64_t until = has_ended ? job.end_seconds : now_seconds;
  int64_t elapsed = until - job.start_seconds;
  if (suspended) {
    elapsed = job.run_before_suspend_seconds;
  } else if (job.suspend_seconds > 0) {
    elapsed = job.run_before_suspend_seconds + until - job.suspend_seconds;
  }
  return static_cast<double>(std::max<int64_t>(0, elapsed));
}

void SetTimes(const SourceJob& source, int64_t now_seconds, v1::Job& job) {
  const bool ended = HasEnded(job.state());
  // One that waits has forecasts; one that was cancelled while it waited never started.
  const bool started = job.state() != v1::RUN_STATE_PENDING && source.start_seconds > 0 &&
                       (!ended || source.node_count == 0 || !source.node_list.empty());
  job.mutable_submit_time()->set_seconds(source.submit_seconds);
  if (ended && source.end_seconds > 0) job.mutable_end_time()->set_seconds(source.end_seconds);
  if (!started) return;
  job.mutable_start_time()->set_seconds(source.start_seconds);
  job.set_elapsed_seconds(ElapsedSeconds(source, ended, now_seconds));
  if (ended) {
    job.set_exit_code(source.exit_code);
    job.set_exit_signal(source.exit_signal);
  }
}

v1::Job MakeJob(const SourceJob& source, const JobVerdict& verdict, const std::string& id,
                const slurm::GpuNames& gpu_names, int64_t now_seconds) {
  v1::Job job;
  job.set_job_id(id);
  job.set_state(verdict.state);
  job.set_scheduler_state(CleanText(verdict.word));
  if (source.reason != "None") job.set_reason(CleanText(source.reason));
  if (const std::optional<JobComment> comment = ParseJobComment(source.comment)) {
    job.set_plan(comment->plan);
    if (comment->chain_job_id != id) job.set_chain_job_id(comment->chain_job_id);
  }
  // Queued again, it has another submit time and goes on with itself.
  if (source.restart_count > 0 && job.chain_job_id().empty()) job.set_chain_job_id(id);
  job.set_user_name(CleanText(source.user_name));
  job.set_owner_uid(source.user_id);
  job.set_job_name(CleanText(source.name));
  job.set_partition(CleanText(source.partition, kMaxPartitionBytes));
  job.set_node_list(CleanText(source.node_list, kMaxNodeListBytes));
  job.set_node_count(source.node_count);
  const JobGpus gpus = GpusOfJob(source);
  job.set_gpu_count(gpus.count);
  // What asks for GPUs of any type has none before it holds some.
  const std::string type = TypeName(gpu_names, gpus.type);
  if (gpus.count > 0 && type != kUntyped) job.set_gpu_type(type);
  if (source.time_limit_seconds.has_value()) {
    job.set_time_limit_seconds(*source.time_limit_seconds);
  }
  SetTimes(source, now_seconds, job);
  return job;
}

}  // namespace

bool ClusterState::Update(SourceNews news) {
  const bool changed = news.nodes.has_value() || news.partitions.has_value() ||
                       news.reservations.has_value() || news.jobs.has_value();
  if (news.nodes.has_value()) nodes = *std::move(news.nodes);
  if (news.partitions.has_value()) partitions = *std::move(news.partitions);
  if (news.reservations.has_value()) reservations = *std::move(news.reservations);
  if (news.jobs.has_value()) jobs = *std::move(news.jobs);
  return changed;
}

v1::NodeInventory MakeInventory(const ClusterState& state, const std::string& cluster,
                                const slurm::GpuNames& gpu_names, int64_t now_seconds) {
  v1::NodeInventory inventory;
  inventory.set_name(absl::StrCat("clusters/", cluster));
  const auto reservations = ActiveReservations(state, now_seconds);
  const auto partitions = PartitionsOfNodes(state);
  for (const SourceNode& node : state.nodes) {
    if (ReadNodeState(node.states).state == v1::NODE_STATE_UNSPECIFIED) continue;
    const auto reservation = reservations.find(node.name);
    const auto its_partitions = partitions.find(node.name);
    *inventory.add_nodes() =
        MakeNode(node, gpu_names, reservation == reservations.end() ? nullptr : reservation->second,
                 its_partitions == partitions.end() ? nullptr : &its_partitions->second);
  }
  for (const SourcePartition& each : state.partitions) {
    if (!each.is_up) continue;
    v1::NodePartition& partition = *inventory.add_partitions();
    partition.set_name(CleanText(each.name));
    if (each.max_wall_seconds.has_value()) partition.set_max_wall_seconds(*each.max_wall_seconds);
  }
  for (const SourceJob& source : state.jobs) {
    if (ReadJobState(source.states).state != v1::RUN_STATE_RUNNING) continue;
    const int64_t gpu_count = GpusOfJob(source).count;
    const std::optional<JobComment> comment = ParseJobComment(source.comment);
    if (gpu_count == 0 || !comment.has_value()) continue;
    v1::RunningJob& job = *inventory.add_running_jobs();
    job.set_job_id(JobIdText(source));
    job.set_plan(comment->plan);
    job.set_owner_uid(source.user_id);
    job.set_gpu_count(gpu_count);
  }
  inventory.mutable_observe_time()->set_seconds(now_seconds);
  return inventory;
}

std::vector<std::string> MixedTypeNodes(const ClusterState& state) {
  std::vector<std::string> names;
  for (const SourceNode& node : state.nodes) {
    if (ParseGres(node.gres).size() > 1) names.push_back(node.name);
  }
  return names;
}

std::vector<v1::Job> MakeJobs(const ClusterState& state, const std::set<std::string>& watched_ids,
                              const slurm::GpuNames& gpu_names, int64_t now_seconds) {
  std::vector<v1::Job> jobs;
  const auto add = [&](const SourceJob& job, const JobVerdict& verdict, const std::string& id) {
    if (!ParseJobComment(job.comment).has_value() && !watched_ids.contains(id)) return;
    jobs.push_back(MakeJob(job, verdict, id, gpu_names, now_seconds));
  };
  for (const SourceJob& job : state.jobs) {
    const JobVerdict verdict = ReadJobState(job.states);
    if (verdict.state == v1::RUN_STATE_UNSPECIFIED) continue;
    if (job.array_job_id == 0 || job.array_task_id.has_value()) {
      add(job, verdict, JobIdText(job));
      continue;
    }
    for (const int64_t task : ExpandArrayTasks(job.array_tasks, kMaxWaitingElements)) {
      add(job, verdict, absl::StrCat(job.array_job_id, "_", task));
    }
  }
  return jobs;
}

std::string JobIdText(const SourceJob& job) {
  if (job.array_job_id > 0 && job.array_task_id.has_value()) {
    return absl::StrCat(job.array_job_id, "_", *job.array_task_id);
  }
  if (job.het_job_id > 0 && job.het_job_offset > 0) {
    return absl::StrCat(job.het_job_id, "+", job.het_job_offset);
  }
  return absl::StrCat(job.job_id);
}

JobGpus GpusOfJob(const SourceJob& job) {
  std::vector<GresGpus> gpus;
  for (const std::string& node : job.gres_detail) {
    for (const GresGpus& each : ParseGres(node)) gpus.push_back(each);
  }
  int64_t times = 1;
  if (gpus.empty()) gpus = ParseGres(job.gres_total);
  if (gpus.empty()) gpus = ParseGres(job.tres_allocated);
  if (gpus.empty()) gpus = ParseGres(job.tres_per_job);
  if (gpus.empty()) {
    gpus = ParseGres(job.tres_per_node);
    times = job.node_count;
  }
  if (gpus.empty()) {
    gpus = ParseGres(job.tres_per_task);
    times = job.task_count;
  }
  // A count times a count of 32 bits each stays within 64.
  times = std::clamp<int64_t>(times, 0, int64_t{1} << 24);
  return {LargestGres(gpus).type, std::min(GpuCount(gpus), int64_t{1} << 38) * times};
}

}  // namespace rhumb::slurm_agent
