// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/agent.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/process/log.h"
#include "planner/status_macros.h"

namespace rhumb::slurm_agent {
namespace {

constexpr absl::Duration kFirstPause = absl::Seconds(1);

// `first`, doubled with each failure, `longest` at most.
absl::Duration Pause(absl::Duration first, int failure_count, absl::Duration longest) {
  absl::Duration pause = first;
  for (int i = 1; i < failure_count && pause < longest; ++i) pause *= 2;
  return std::min(pause, longest);
}

}  // namespace

void TroubleLog::Failed(const absl::Status& status) {
  ++failure_count_;
  if (said_ == status.code()) return;
  said_ = status.code();
  Log(LogLevel::kWarning, absl::StrCat(subject_, " does not answer as it should"),
      {{"error", std::string(status.message())}});
}

void TroubleLog::Worked() {
  if (failure_count_ > 0) {
    Log(LogLevel::kInfo, absl::StrCat(subject_, " answers again"),
        {{"failures", absl::StrCat(failure_count_)}});
  }
  failure_count_ = 0;
  said_ = absl::StatusCode::kOk;
}

Agent::Agent(AgentOptions options, slurm::GpuNames gpu_names, ClusterSource& source,
             DaemonLink& daemon, Accounting& accounting, AgentClocks clocks)
    : options_(std::move(options)),
      gpu_names_(std::move(gpu_names)),
      source_(source),
      daemon_(daemon),
      clocks_(std::move(clocks)),
      jobs_(options_.jobs, daemon, accounting),
      slurm_trouble_("slurmctld"),
      daemon_trouble_("the daemon") {}

absl::Status Agent::Round() {
  const absl::Time now = clocks_.steady();
  if (now >= next_look_) RHUMB_RETURN_IF_ERROR(Look(now));
  if (!is_current_ || is_told_ || now < next_tell_) return absl::OkStatus();
  return Tell(clocks_.steady());
}

absl::Duration Agent::TimeToNextRound() const {
  absl::Time next = next_look_;
  if (is_current_ && !is_told_) next = std::min(next, next_tell_);
  return std::max(absl::ZeroDuration(), next - clocks_.steady());
}

void Agent::SetGpuNames(slurm::GpuNames gpu_names) {
  gpu_names_ = std::move(gpu_names);
  is_told_ = false;
  next_tell_ = absl::InfinitePast();
}

absl::Status Agent::Look(absl::Time now) {
  absl::Time began;
  const auto look = [&]() -> absl::Status {
    if (!identified_) {
      RHUMB_ASSIGN_OR_RETURN(const SourceIdentity identity, source_.Identify());
      if (options_.cluster.empty()) options_.cluster = identity.cluster;
      Log(LogLevel::kInfo, "watching",
          {{"cluster", options_.cluster}, {"source", identity.version}});
      identified_ = true;
    }
    // Before it: what changes while Slurm is asked is newer than this look.
    began = clocks_.wall();
    RHUMB_ASSIGN_OR_RETURN(SourceNews news, source_.Look());
    state_.Update(std::move(news));
    return absl::OkStatus();
  };
  const absl::Status looked = look();
  if (!looked.ok()) {
    is_current_ = false;
    ++look_failures_;
    next_look_ = now + Pause(options_.interval, look_failures_, options_.heartbeat);
    slurm_trouble_.Failed(looked);
    return looked;
  }
  slurm_trouble_.Worked();
  look_failures_ = 0;
  is_current_ = true;
  is_told_ = false;
  look_time_ = began;
  next_look_ = now + options_.interval;
  if (LogEnabled(LogLevel::kDebug)) {
    Log(LogLevel::kDebug, "looked",
        {{"ms", absl::StrCat(absl::ToDoubleMilliseconds(clocks_.steady() - now))},
         {"nodes", absl::StrCat(state_.nodes.size())},
         {"jobs", absl::StrCat(state_.jobs.size())}});
  }
  return absl::OkStatus();
}

absl::Status Agent::Tell(absl::Time now) {
  absl::Status told = TellNodes(now);
  if (told.ok()) {
    told = jobs_.Tell(options_.cluster, state_, gpu_names_, look_time_, now);
  }
  if (!told.ok()) {
    ++tell_failures_;
    next_tell_ = now + Pause(kFirstPause, tell_failures_, options_.heartbeat);
    daemon_trouble_.Failed(told);
    return told;
  }
  daemon_trouble_.Worked();
  tell_failures_ = 0;
  next_tell_ = absl::InfinitePast();
  is_told_ = true;
  return absl::OkStatus();
}

absl::Status Agent::TellNodes(absl::Time now) {
  v1::SyncNodesRequest request;
  *request.mutable_inventory() =
      MakeInventory(state_, options_.cluster, gpu_names_, absl::ToUnixSeconds(look_time_));
  v1::NodeInventory timeless = request.inventory();
  timeless.clear_observe_time();
  std::string nodes = timeless.SerializeAsString();
  if (nodes == told_nodes_ && now < nodes_told_ + options_.heartbeat) return absl::OkStatus();
  RHUMB_ASSIGN_OR_RETURN(const v1::NodeInventory answer, daemon_.SyncNodes(request));
  told_nodes_ = std::move(nodes);
  nodes_told_ = now;
  NoteTypes(answer);
  return absl::OkStatus();
}

void Agent::NoteTypes(const v1::NodeInventory& answer) {
  std::string unknown = absl::StrJoin(answer.unknown_gpu_types(), ",");
  if (unknown != unknown_types_ && !unknown.empty()) {
    Log(LogLevel::kWarning,
        "the daemon does not know these GPU types; name them in slurm-gpus.conf or apply them",
        {{"types", unknown}});
  }
  unknown_types_ = std::move(unknown);
  std::string mixed = absl::StrJoin(MixedTypeNodes(state_), ",");
  if (mixed != mixed_nodes_ && !mixed.empty()) {
    Log(LogLevel::kWarning, "nodes with several GPU types count with the one they have most of",
        {{"nodes", mixed}});
  }
  mixed_nodes_ = std::move(mixed);
}

}  // namespace rhumb::slurm_agent
