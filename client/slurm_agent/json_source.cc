// SPDX-License-Identifier: Apache-2.0
#include "client/slurm_agent/json_source.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "client/config/utf8.h"
#include "client/slurm_agent/command_forms.h"
#include "client/slurm_agent/json_forms.h"
#include "client/slurm_agent/slurm_commands.h"
#include "planner/status_macros.h"

namespace rhumb::slurm_agent {
namespace {

class JsonSource final : public ClusterSource {
 public:
  explicit JsonSource(absl::Duration deadline) : deadline_(deadline) {}

  absl::StatusOr<SourceIdentity> Identify() override {
    RHUMB_ASSIGN_OR_RETURN(const std::string text, Run("scontrol", {"show", "config"}));
    return ParseConfiguration(text);
  }

  absl::StatusOr<SourceNews> Look() override {
    SourceNews news;
    RHUMB_ASSIGN_OR_RETURN(NodeForms forms, LookAtNodes());
    news.nodes = std::move(forms.nodes);
    RHUMB_ASSIGN_OR_RETURN(const std::string partitions,
                           Run("sinfo", {"-a", "-h", "-o", "%R|%a|%l"}));
    RHUMB_ASSIGN_OR_RETURN(news.partitions, ParsePartitions(partitions));
    for (SourcePartition& each : *news.partitions) {
      const auto nodes = forms.nodes_of_partition.find(each.name);
      if (nodes != forms.nodes_of_partition.end()) each.nodes = nodes->second;
    }
    RHUMB_ASSIGN_OR_RETURN(const std::string reservations,
                           Run("scontrol", {"-o", "show", "reservation"}));
    news.reservations = ParseReservations(reservations);
    RHUMB_ASSIGN_OR_RETURN(const std::string jobs, Run("squeue", {"--json", "-a", "--states=all"}));
    RHUMB_ASSIGN_OR_RETURN(news.jobs, ParseJobsJson(jobs));
    return news;
  }

 private:
  // Names of jobs may hold any byte, JSON may not.
  absl::StatusOr<std::string> Run(const char* name, const std::vector<std::string>& arguments) {
    RHUMB_ASSIGN_OR_RETURN(const std::string text, RunCommand(name, arguments, deadline_));
    return ToUtf8(text);
  }

  // `sinfo --json` writes groups of nodes since 23.02, where `scontrol` knows --json.
  absl::StatusOr<NodeForms> LookAtNodes() {
    if (!scontrol_is_old_) {
      const absl::StatusOr<std::string> text = Run("scontrol", {"--json", "show", "nodes"});
      if (text.ok()) return ParseNodesJson(*text);
      if (!absl::IsFailedPrecondition(text.status())) return text.status();
      scontrol_is_old_ = true;
    }
    RHUMB_ASSIGN_OR_RETURN(const std::string text, Run("sinfo", {"--json", "-a"}));
    return ParseNodesJson(text);
  }

  absl::Duration deadline_;
  bool scontrol_is_old_ = false;
};

}  // namespace

std::unique_ptr<ClusterSource> MakeJsonSource(absl::Duration deadline) {
  return std::make_unique<JsonSource>(deadline);
}

}  // namespace rhumb::slurm_agent
