// SPDX-License-Identifier: Apache-2.0
#include "client/cli/live_check.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/format.h"
#include "client/cli/json_object.h"
#include "client/cli/render_starts.h"
#include "client/cli/report.h"
#include "client/config/human_numbers.h"
#include "client/launch/slurm_time.h"
#include "google/protobuf/util/time_util.h"
#include "planner/status_macros.h"
#include "rhumb/v1/cluster_service.pb.h"

namespace rhumb::cli {
namespace {

// A shorter wait is no reason to go elsewhere.
constexpr double kLongWaitSeconds = 600;
constexpr char kNeverStarts[] = "NEVER_STARTS";
constexpr char kWrongGpus[] = "WRONG_GPUS";

double WaitSeconds(const LiveCluster& live) {
  return std::max(0.0, static_cast<double>(live.start->start_unix_seconds) - live.now_unix_seconds);
}

void Advise(const std::string& code, const std::string& text, const std::string& directive,
            v1::CheckConfigurationResponse& answer) {
  v1::Advice& advice = *answer.add_advice();
  advice.set_code(code);
  advice.set_text(text);
  advice.set_directive(directive);
}

bool IsIn(const v1::Node& node, const std::string& partition) {
  return std::find(node.partitions().begin(), node.partitions().end(), partition) !=
         node.partitions().end();
}

// Of the partition where it would start; nullopt: none that is known.
std::optional<double> LimitSeconds(const LiveCluster& live) {
  for (const v1::NodePartition& each : live.nodes->partitions()) {
    if (each.name() == live.start->partition && each.has_max_wall_seconds()) {
      return each.max_wall_seconds();
    }
  }
  return std::nullopt;
}

// A longer time than the partition gives would be refused.
void KeepTimesWithinLimit(const LiveCluster& live, v1::CheckConfigurationResponse& answer) {
  const std::string time_option = "#SBATCH --time=";
  const std::optional<double> limit = LimitSeconds(live);
  if (!limit.has_value()) return;
  for (v1::Advice& advice : *answer.mutable_advice()) {
    const std::string& directive = advice.directive();
    const size_t begin = directive.find(time_option);
    if (begin == std::string::npos) continue;
    const std::string words =
        directive.substr(begin, directive.find_first_of(" ;[", begin + time_option.size()) - begin);
    const absl::StatusOr<std::optional<double>> seconds =
        launch::ParseSlurmTime(words.substr(time_option.size()));
    if (!seconds.ok() || !seconds->has_value() || **seconds <= *limit) continue;
    const std::string kept = absl::StrCat(time_option, launch::FormatSlurmTime(*limit));
    advice.set_directive(absl::StrReplaceAll(directive, {{words, kept}}));
    advice.set_text(
        absl::StrCat(absl::StrReplaceAll(advice.text(), {{words, kept}}), "; partition ",
                     live.start->partition, " ends jobs after ", FormatDuration(*limit),
                     ", so that a longer run is a chain of jobs, as rhumb submit does"));
  }
}

// Nodes of the forecast with GPUs of another type than was judged; whether there are any.
bool AdviseOnWrongGpus(const LiveCluster& live, const slurm::GpuNames& names,
                       v1::CheckConfigurationResponse& answer) {
  const v1::Plan::Allocation& allocation = answer.allocation();
  std::map<std::string, std::vector<std::string>> wrong;
  for (const v1::Node& node : live.nodes->nodes()) {
    if (node.gpu_type().empty() || node.gpu_type() == allocation.gpu_type()) continue;
    if (std::find(live.start_nodes.begin(), live.start_nodes.end(), node.name()) !=
        live.start_nodes.end()) {
      wrong[node.gpu_type()].push_back(node.name());
    }
  }
  if (wrong.empty()) return false;
  std::vector<std::string> parts;
  for (const auto& [type, nodes] : wrong) {
    parts.push_back(absl::StrCat(type, " (", absl::StrJoin(nodes, ", "), ")"));
  }
  const std::string name = names.NameOf(allocation.gpu_type());
  Advise(kWrongGpus,
         absl::StrCat("Slurm would start it on GPUs of type ", absl::StrJoin(parts, " and "),
                      ", and all that is said here is of ", allocation.gpu_type()),
         name.empty()
             ? ""
             : absl::StrCat("#SBATCH --gpus-per-node=", name, ":", allocation.gpus_per_node()),
         answer);
  return true;
}

// Nothing of what the others hold is looked at: it changes by the minute.
void AdviseOnPartitionLimit(const LiveCluster& live, const launch::JobFacts& facts,
                            v1::CheckConfigurationResponse& answer) {
  if (!facts.time_limit_seconds.has_value()) return;
  const double asked = facts.time_limit_seconds->value;
  const std::string& partition = live.start->partition;
  const std::optional<double> limit = LimitSeconds(live);
  std::vector<std::string> longer;
  for (const v1::NodePartition& each : live.nodes->partitions()) {
    const bool has_type =
        std::any_of(live.nodes->nodes().begin(), live.nodes->nodes().end(), [&](const auto& node) {
          return IsIn(node, each.name()) && node.gpu_type() == answer.allocation().gpu_type();
        });
    if (has_type && (!each.has_max_wall_seconds() || each.max_wall_seconds() >= asked)) {
      longer.push_back(each.name());
    }
  }
  if (!limit.has_value() || *limit >= asked) return;
  Advise(
      "PARTITION_LIMIT",
      absl::StrCat("partition ", partition, " ends jobs after ", FormatDuration(*limit),
                   ", and this one asks for ", FormatDuration(asked),
                   facts.time_limit_seconds->line > 0
                       ? absl::StrCat(" [line ", facts.time_limit_seconds->line, "]")
                       : "",
                   longer.empty() ? ": make it a chain of jobs, as rhumb submit does"
                                  : absl::StrCat("; ", absl::StrJoin(longer, ", "),
                                                 longer.size() == 1 ? " allows" : " allow", " it")),
      longer.empty() ? absl::StrCat("#SBATCH --time=", launch::FormatSlurmTime(*limit))
                     : absl::StrCat("#SBATCH --partition=", longer.front()),
      answer);
}

// "h100:8", with the type as the script writes it, if it does.
std::string GpusPerNode(int64_t count, const launch::JobFacts& facts) {
  const std::string text = facts.gpu_type.has_value() ? facts.gpu_type->text : "";
  const size_t equals = text.rfind('='), colon = text.rfind(':');
  if (equals == std::string::npos || colon == std::string::npos || colon < equals) {
    return absl::StrCat(count);
  }
  return absl::StrCat(text.substr(equals + 1, colon - equals), count);
}

// Parts of several nodes where whole ones would hold the job: its ranks talk over the network.
void AdviseOnNodes(const LiveCluster& live, const launch::JobFacts& facts,
                   v1::CheckConfigurationResponse& answer) {
  const v1::Plan::Allocation& allocation = answer.allocation();
  int64_t largest = 0;
  for (const v1::Node& node : live.nodes->nodes()) {
    if (node.gpu_type() == allocation.gpu_type() && IsIn(node, live.start->partition)) {
      largest = std::max(largest, node.gpu_count());
    }
  }
  const int64_t per_node = allocation.gpus_per_node();
  if (largest <= per_node || allocation.node_count() < 2) return;
  const int64_t fewer = (allocation.gpu_count() + largest - 1) / largest;
  if (fewer >= allocation.node_count() || allocation.gpu_count() % fewer != 0) return;
  Advise("FEWER_NODES",
         absl::StrCat("it takes ", per_node, " of ", Counted(largest, "GPU"), " on each of ",
                      allocation.node_count(), " nodes: ", allocation.gpu_count(), " on ",
                      Counted(fewer, "node"), " would talk less over the network"),
         absl::StrCat("#SBATCH --nodes=", fewer,
                      " --gpus-per-node=", GpusPerNode(allocation.gpu_count() / fewer, facts)),
         answer);
}

// Whole nodes that take jobs now, by type, where this job waits for others.
void AdviseOnOthers(const LiveCluster& live, v1::CheckConfigurationResponse& answer) {
  const double wait = WaitSeconds(live);
  if (wait <= kLongWaitSeconds) return;
  std::map<std::string, int64_t> free;
  for (const v1::Node& node : live.nodes->nodes()) {
    const bool whole = node.state() == v1::NODE_STATE_IDLE && node.gpu_count() > 0 &&
                       node.free_gpu_count() == node.gpu_count();
    if (whole) free[node.gpu_type()] += node.gpu_count();
  }
  if (free.empty()) return;
  std::vector<std::string> others;
  for (const auto& [type, count] : free) others.push_back(absl::StrCat(count, " x ", type));
  Advise("OTHERS_FREE",
         absl::StrCat("it would wait ", FormatDuration(wait), "; on whole nodes are free now: ",
                      absl::StrJoin(others, ", "), " (rhumb plan --cluster ", BareName(live.name),
                      " --forecast plans for both)"),
         "", answer);
}

}  // namespace

absl::StatusOr<LiveCluster> AskLiveCluster(const std::string& path, const Home& home,
                                           const Context& context) {
  LiveCluster live = {.start = absl::UnknownError("not asked"),
                      .nodes = absl::UnknownError("not asked"),
                      .now_unix_seconds = context.now_unix_seconds};
  RHUMB_ASSIGN_OR_RETURN(live.name, SlurmClusterName(context.run_program));
  live.start = ForecastStart({path}, context.run_program);
  if (absl::IsUnavailable(live.start.status())) return live.start.status();
  if (live.start.ok()) {
    live.start_nodes = NodesOfList(live.start->node_list, context.run_program)
                           .value_or(std::vector<std::string>());
  }
  v1::GetNodesRequest request;
  request.set_cluster(live.name);
  live.nodes = home.client->GetNodes(request);
  return live;
}

void AdviseOnLiveCluster(const LiveCluster& live, const launch::JobFacts& facts,
                         const slurm::GpuNames& names, v1::CheckConfigurationResponse& answer) {
  if (!live.start.ok()) {
    // Anything else is no judgement of the job.
    if (absl::IsFailedPrecondition(live.start.status())) {
      Advise(kNeverStarts, std::string(live.start.status().message()), "", answer);
    }
    return;
  }
  if (!live.nodes.ok()) return;
  KeepTimesWithinLimit(live, answer);
  const bool wrong_gpus = AdviseOnWrongGpus(live, names, answer);
  AdviseOnPartitionLimit(live, facts, answer);
  // On the right nodes it would start at another time.
  if (wrong_gpus) return;
  AdviseOnNodes(live, facts, answer);
  AdviseOnOthers(live, answer);
}

bool RunsOtherwise(const v1::CheckConfigurationResponse& answer) {
  return std::any_of(answer.advice().begin(), answer.advice().end(), [](const v1::Advice& each) {
    return each.code() == kNeverStarts || each.code() == kWrongGpus;
  });
}

std::string RenderLiveCluster(const LiveCluster& live, const Terminal& terminal) {
  Report report(terminal);
  if (live.start.ok()) {
    report.Row("Start", absl::StrCat(DescribeWait(WaitSeconds(live)), " (",
                                     UtcTime(static_cast<double>(live.start->start_unix_seconds)),
                                     ") on ", live.start->node_list, ", partition ",
                                     live.start->partition, ": Slurm's forecast on ", live.name));
  } else {
    report.Row("Start", live.start.status().message(), Style::kBad);
  }
  if (live.nodes.ok()) {
    report.Row(
        "Cluster",
        absl::StrCat(FormatInteger(live.nodes->free_gpu_count()), " of ",
                     Counted(live.nodes->gpu_count(), "GPU"), " in ",
                     Counted(live.nodes->node_count(), "node"), " free, as its agent saw it at ",
                     UtcTime(static_cast<double>(live.nodes->update_time().seconds()))));
  } else {
    report.Row("Cluster", absl::StrCat("not looked at: ", live.nodes.status().message()),
               Style::kWarning);
  }
  return report.text();
}

std::string JsonOfLiveCluster(const LiveCluster& live) {
  JsonObject json;
  json.Text("cluster", live.name);
  if (live.start.ok()) {
    json.Text("start_time", UtcTime(static_cast<double>(live.start->start_unix_seconds)))
        .Number("wait_seconds", WaitSeconds(live))
        .Text("node_list", live.start->node_list)
        .Text("partition", live.start->partition);
  } else {
    json.Text("start_problem", std::string(live.start.status().message()));
  }
  if (live.nodes.ok()) {
    json.Integer("gpu_count", live.nodes->gpu_count())
        .Integer("free_gpu_count", live.nodes->free_gpu_count())
        .Text("update_time", google::protobuf::util::TimeUtil::ToString(live.nodes->update_time()));
  } else {
    json.Text("nodes_problem", std::string(live.nodes.status().message()));
  }
  return json.str();
}

}  // namespace rhumb::cli
