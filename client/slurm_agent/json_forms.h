// SPDX-License-Identifier: Apache-2.0
// What Slurm's commands write as JSON, of 22.05 (openapi v0.0.38) and later, as structs. Later
// versions wrap numbers ({"set": true, "infinite": false, "number": 8}) and list states. Pure;
// never fails on a value it does not expect, which counts as not given.
#ifndef RHUMB_CLIENT_SLURM_AGENT_JSON_FORMS_H_
#define RHUMB_CLIENT_SLURM_AGENT_JSON_FORMS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/slurm_agent/cluster_source.h"

namespace rhumb::slurm_agent {

struct NodeForms {
  std::vector<SourceNode> nodes;
  std::map<std::string, std::vector<std::string>> nodes_of_partition;
};

// Of `sinfo --json` before 23.02 and `scontrol show nodes --json` since. DATA_LOSS: not such a
// text.
absl::StatusOr<NodeForms> ParseNodesJson(absl::string_view text);

// Of `squeue --json`. DATA_LOSS: not such a text.
absl::StatusOr<std::vector<SourceJob>> ParseJobsJson(absl::string_view text);

}  // namespace rhumb::slurm_agent

#endif  // RHUMB_CLIENT_SLURM_AGENT_JSON_FORMS_H_
