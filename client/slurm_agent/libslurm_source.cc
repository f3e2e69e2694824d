// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/libslurm_source.h"

extern "C" {
#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>

// Exported by libslurm and missing in its header. Weak: the name differs between versions.
__attribute__((weak)) char* slurm_job_reason_string(int reason);
__attribute__((weak)) const char* slurm_job_state_reason_string(int reason);
}

#include <pwd.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "planner/status_macros.h"

namespace rhumb::slurm_agent {
namespace {

std::string Text(const char* text) { return text == nullptr ? "" : text; }

struct Flag {
  uint32_t bits;
  const char* word;
};

constexpr Flag kNodeFlags[] = {
    {NODE_STATE_RES, "RESERVED"},
    {NODE_STATE_CLOUD, "CLOUD"},
    {NODE_STATE_DRAIN, "DRAIN"},
    {NODE_STATE_COMPLETING, "COMPLETING"},
    {NODE_STATE_NO_RESPOND, "NOT_RESPONDING"},
    {NODE_STATE_POWERED_DOWN, "POWERED_DOWN"},
    {NODE_STATE_FAIL, "FAIL"},
    {NODE_STATE_POWERING_UP, "POWERING_UP"},
    {NODE_STATE_MAINT, "MAINTENANCE"},
    {NODE_STATE_REBOOT_REQUESTED, "REBOOT_REQUESTED"},
    {NODE_STATE_POWERING_DOWN, "POWERING_DOWN"},
    {NODE_STATE_REBOOT_ISSUED, "REBOOT_ISSUED"},
    {NODE_STATE_PLANNED, "PLANNED"},
    {NODE_STATE_INVALID_REG, "INVALID_REG"},
    {NODE_STATE_POWER_DOWN, "POWER_DOWN"},
    {NODE_STATE_POWER_DRAIN, "POWER_DRAIN"},
};

constexpr Flag kJobFlags[] = {
    {JOB_REQUEUE, "REQUEUED"},          {JOB_REQUEUE_HOLD, "REQUEUE_HOLD"},
    {JOB_SPECIAL_EXIT, "SPECIAL_EXIT"}, {JOB_CONFIGURING, "CONFIGURING"},
    {JOB_COMPLETING, "COMPLETING"},     {JOB_STOPPED, "STOPPED"},
    {JOB_REVOKED, "REVOKED"},           {JOB_RESV_DEL_HOLD, "RESV_DEL_HOLD"},
    {JOB_STAGE_OUT, "STAGE_OUT"},
};

const char* NodeBaseWord(uint32_t state) {
  switch (state & NODE_STATE_BASE) {
    case NODE_STATE_DOWN:
      return "DOWN";
    case NODE_STATE_IDLE:
      return "IDLE";
    case NODE_STATE_ALLOCATED:
      return "ALLOCATED";
    case NODE_STATE_ERROR:
      return "ERROR";
    case NODE_STATE_MIXED:
      return "MIXED";
    case NODE_STATE_FUTURE:
      return "FUTURE";
    default:
      return "UNKNOWN";
  }
}

const char* JobBaseWord(uint32_t state) {
  switch (state & JOB_STATE_BASE) {
    case JOB_PENDING:
      return "PENDING";
    case JOB_RUNNING:
      return "RUNNING";
    case JOB_SUSPENDED:
      return "SUSPENDED";
    case JOB_COMPLETE:
      return "COMPLETED";
    case JOB_CANCELLED:
      return "CANCELLED";
    case JOB_FAILED:
      return "FAILED";
    case JOB_TIMEOUT:
      return "TIMEOUT";
    case JOB_NODE_FAIL:
      return "NODE_FAIL";
    case JOB_PREEMPTED:
      return "PREEMPTED";
    case JOB_BOOT_FAIL:
      return "BOOT_FAIL";
    case JOB_DEADLINE:
      return "DEADLINE";
    case JOB_OOM:
      return "OUT_OF_MEMORY";
    default:
      return "UNKNOWN";
  }
}

template <size_t kCount>
std::vector<std::string> Words(const char* base, uint32_t state, const Flag (&flags)[kCount]) {
  std::vector<std::string> words = {base};
  for (const Flag& flag : flags) {
    if ((state & flag.bits) != 0) words.emplace_back(flag.word);
  }
  return words;
}

// CPUs of a node that jobs hold; nullopt where this version of Slurm says MIXED itself.
template <typename Node>
std::optional<uint32_t> AllocatedCpus(const Node& node) {
  if constexpr (requires { node.alloc_cpus; }) {
    return node.alloc_cpus;
  } else {
#ifdef RHUMB_SLURM_HAS_SELECT_NODEINFO
    uint16_t count = 0;
    const int result = slurm_get_select_nodeinfo(node.select_nodeinfo, SELECT_NODEDATA_SUBCNT,
                                                 NODE_STATE_ALLOCATED, &count);
    return result == SLURM_SUCCESS ? std::optional<uint32_t>(count) : std::nullopt;
#else
    return std::nullopt;
#endif
  }
}

// slurmctld calls a node ALLOCATED that has any job; MIXED is what Slurm's commands make of it.
std::vector<std::string> NodeWords(const node_info_t& node) {
  std::vector<std::string> words =
      Words(NodeBaseWord(node.node_state), node.node_state, kNodeFlags);
  const std::optional<uint32_t> allocated = AllocatedCpus(node);
  if (!allocated.has_value() || *allocated == 0 || *allocated >= node.cpus_efctv) return words;
  if (words.front() == "ALLOCATED" || words.front() == "IDLE") words.front() = "MIXED";
  return words;
}

std::string ReasonText(const job_info_t& job) {
  const int reason = job.state_reason;
  if (slurm_job_reason_string != nullptr) return Text(slurm_job_reason_string(reason));
  if (slurm_job_state_reason_string != nullptr) return Text(slurm_job_state_reason_string(reason));
  return "";
}

// Minutes; NO_VAL and INFINITE are none.
std::optional<double> LimitSeconds(uint32_t minutes) {
  if (minutes == INFINITE || minutes == NO_VAL) return std::nullopt;
  return static_cast<double>(minutes) * 60;
}

int64_t Known(uint32_t number) { return number == NO_VAL || number == INFINITE ? 0 : number; }

std::vector<std::string> HostNames(const char* list) {
  std::vector<std::string> names;
  if (list == nullptr) return names;
  auto hosts = slurm_hostlist_create(list);  // of a type that differs between versions
  while (char* name = slurm_hostlist_shift(hosts)) {
    names.emplace_back(name);
    std::free(name);
  }
  slurm_hostlist_destroy(hosts);
  return names;
}

SourceJob ReadJob(const job_info_t& in) {
  SourceJob job;
  job.job_id = in.job_id;
  job.array_job_id = Known(in.array_job_id);
  if (job.array_job_id > 0 && in.array_task_id != NO_VAL) job.array_task_id = in.array_task_id;
  job.array_tasks = Text(in.array_task_str);
  job.het_job_id = Known(in.het_job_id);
  job.het_job_offset = Known(in.het_job_offset);
  job.restart_count = in.restart_cnt;
  job.states = Words(JobBaseWord(in.job_state), in.job_state, kJobFlags);
  job.reason = ReasonText(in);
  job.comment = Text(in.comment);
  job.user_name = Text(in.user_name);
  job.name = Text(in.name);
  job.partition = Text(in.partition);
  job.user_id = in.user_id;
  job.node_list = Text(in.nodes);
  job.node_count = Known(in.num_nodes);
  job.task_count = Known(in.num_tasks);
  for (uint32_t i = 0; i < in.gres_detail_cnt; ++i) {
    job.gres_detail.push_back(Text(in.gres_detail_str[i]));
  }
  job.gres_total = Text(in.gres_total);
  job.tres_allocated = Text(in.tres_alloc_str);
  job.tres_per_job = Text(in.tres_per_job);
  job.tres_per_node = Text(in.tres_per_node);
  job.tres_per_task = Text(in.tres_per_task);
  job.submit_seconds = in.submit_time;
  job.start_seconds = in.start_time;
  job.end_seconds = in.end_time;
  job.suspend_seconds = in.suspend_time;
  job.run_before_suspend_seconds = in.pre_sus_time;
  job.time_limit_seconds = LimitSeconds(in.time_limit);
  job.exit_code = (in.exit_code >> 8) & 0xff;
  job.exit_signal = in.exit_code & 0x7f;
  return job;
}

// Answers of libslurm, given back to it.
template <typename Message>
class Loaded {
 public:
  explicit Loaded(void (*release)(Message*)) : release_(release) {}
  Loaded(const Loaded&) = delete;
  Loaded& operator=(const Loaded&) = delete;
  ~Loaded() {
    if (message_ != nullptr) release_(message_);
  }
  Message** place() { return &message_; }
  const Message* operator->() const { return message_; }

 private:
  void (*release_)(Message*);
  Message* message_ = nullptr;
};

// True: there is news; false: nothing has changed.
absl::StatusOr<bool> HasNews(int result, const char* what) {
  const int error = errno;
  if (result == SLURM_SUCCESS) return true;
  if (error == SLURM_NO_CHANGE_IN_DATA) return false;
  return absl::UnavailableError(absl::StrCat(what, ": ", Text(slurm_strerror(error))));
}

class LibslurmSource final : public ClusterSource {
 public:
  LibslurmSource() { slurm_init(nullptr); }
  ~LibslurmSource() override { slurm_fini(); }

  absl::StatusOr<SourceIdentity> Identify() override {
    Loaded<slurm_conf_t> loaded(slurm_free_ctl_conf);
    errno = 0;
    RHUMB_RETURN_IF_ERROR(
        HasNews(slurm_load_ctl_conf(0, loaded.place()), "slurm_load_ctl_conf").status());
    return SourceIdentity{Text(loaded->cluster_name),
                          absl::StrCat("Slurm ", Text(loaded->version), ", libslurm")};
  }

  absl::StatusOr<SourceNews> Look() override {
    SourceNews news;
    Times times = times_;
    RHUMB_RETURN_IF_ERROR(LookAtNodes(times.nodes, news));
    RHUMB_RETURN_IF_ERROR(LookAtPartitions(times.partitions, news));
    RHUMB_RETURN_IF_ERROR(LookAtReservations(times.reservations, news));
    RHUMB_RETURN_IF_ERROR(LookAtJobs(times.jobs, news));
    // Only now: what was read before a failure is told again.
    times_ = times;
    return news;
  }

 private:
  struct Times {
    time_t nodes = 0, partitions = 0, reservations = 0, jobs = 0;
  };

  static absl::Status LookAtNodes(time_t& last, SourceNews& news) {
    Loaded<node_info_msg_t> loaded(slurm_free_node_info_msg);
    errno = 0;
    RHUMB_ASSIGN_OR_RETURN(
        const bool changed,
        HasNews(slurm_load_node(last, loaded.place(), SHOW_ALL | SHOW_DETAIL), "slurm_load_node"));
    if (!changed) return absl::OkStatus();
    news.nodes.emplace();
    for (uint32_t i = 0; i < loaded->record_count; ++i) {
      const node_info_t& in = loaded->node_array[i];
      if (in.name == nullptr) continue;  // deleted
      news.nodes->push_back({.name = in.name,
                             .states = NodeWords(in),
                             .gres = Text(in.gres),
                             .gres_used = Text(in.gres_used),
                             .reason = Text(in.reason)});
    }
    last = loaded->last_update;
    return absl::OkStatus();
  }

  static absl::Status LookAtPartitions(time_t& last, SourceNews& news) {
    Loaded<partition_info_msg_t> loaded(slurm_free_partition_info_msg);
    errno = 0;
    RHUMB_ASSIGN_OR_RETURN(
        const bool changed,
        HasNews(slurm_load_partitions(last, loaded.place(), SHOW_ALL), "slurm_load_partitions"));
    if (!changed) return absl::OkStatus();
    news.partitions.emplace();
    for (uint32_t i = 0; i < loaded->record_count; ++i) {
      const partition_info_t& in = loaded->partition_array[i];
      news.partitions->push_back({.name = Text(in.name),
                                  .is_up = in.state_up == PARTITION_UP,
                                  .max_wall_seconds = LimitSeconds(in.max_time),
                                  .nodes = HostNames(in.nodes)});
    }
    last = loaded->last_update;
    return absl::OkStatus();
  }

  static absl::Status LookAtReservations(time_t& last, SourceNews& news) {
    Loaded<reserve_info_msg_t> loaded(slurm_free_reservation_info_msg);
    errno = 0;
    RHUMB_ASSIGN_OR_RETURN(
        const bool changed,
        HasNews(slurm_load_reservations(last, loaded.place()), "slurm_load_reservations"));
    if (!changed) return absl::OkStatus();
    news.reservations.emplace();
    for (uint32_t i = 0; i < loaded->record_count; ++i) {
      const reserve_info_t& in = loaded->reservation_array[i];
      news.reservations->push_back({.name = Text(in.name),
                                    .nodes = HostNames(in.node_list),
                                    .start_seconds = in.start_time,
                                    .end_seconds = in.end_time,
                                    .is_maintenance = (in.flags & RESERVE_FLAG_MAINT) != 0});
    }
    last = loaded->last_update;
    return absl::OkStatus();
  }

  absl::Status LookAtJobs(time_t& last, SourceNews& news) {
    Loaded<job_info_msg_t> loaded(slurm_free_job_info_msg);
    errno = 0;
    RHUMB_ASSIGN_OR_RETURN(
        const bool changed,
        HasNews(slurm_load_jobs(last, loaded.place(), SHOW_ALL | SHOW_DETAIL), "slurm_load_jobs"));
    if (!changed) return absl::OkStatus();
    news.jobs.emplace();
    for (uint32_t i = 0; i < loaded->record_count; ++i) {
      news.jobs->push_back(ReadJob(loaded->job_array[i]));
      SourceJob& job = news.jobs->back();
      if (job.user_name.empty()) job.user_name = UserName(loaded->job_array[i].user_id);
    }
    last = loaded->last_update;
    return absl::OkStatus();
  }

  // slurmctld leaves names of users to whoever asks. Looked up once each, as a directory service
  // may be slow; a user without a name is the number.
  const std::string& UserName(uint32_t uid) {
    const auto [known, is_new] = user_names_.try_emplace(uid);
    if (is_new) {
      char buffer[4096];
      passwd entry;
      passwd* found = nullptr;
      const int error = getpwuid_r(uid, &entry, buffer, sizeof(buffer), &found);
      known->second = error == 0 && found != nullptr ? found->pw_name : absl::StrCat(uid);
    }
    return known->second;
  }

  std::map<uint32_t, std::string> user_names_;
  Times times_;  // of the last look that worked, by slurmctld's clock
};

}  // namespace

std::unique_ptr<ClusterSource> MakeLibslurmSource() { return std::make_unique<LibslurmSource>(); }

}  // namespace rhumb::slurm_agent
